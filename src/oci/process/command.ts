import { invalidArgument } from "../../errors/crib-error.ts";
import type { ImageDefaults } from "./image-defaults.ts";

/**
 * The process's argv. The CRI's `command` replaces the image's Entrypoint and drops its Cmd; `args` alone replace Cmd.
 * An Entrypoint of one empty string means none, as `ENTRYPOINT [""]` resets it.
 *
 * @throws {CribError} invalid-argument when nothing is left to run, or a word holds a NUL byte.
 */
export function commandLine(
  command: readonly string[],
  args: readonly string[],
  image: ImageDefaults,
): readonly string[] {
  const words =
    command.length > 0 ? [...command, ...args] : [...imageEntrypoint(image), ...(args.length > 0 ? args : image.cmd)];
  return checkCommand(words);
}

/** @throws {CribError} invalid-argument for an empty command, an empty first word or a NUL byte. */
export function checkCommand(words: readonly string[]): readonly string[] {
  if (words.length === 0) throw invalidArgument("no command specified: neither the request nor the image names one");
  if (words[0] === "") throw invalidArgument("command is an empty string");
  const broken = words.findIndex((word) => word.includes("\0"));
  if (broken >= 0) throw invalidArgument(`command word ${broken} contains a NUL byte`);
  return words;
}

function imageEntrypoint(image: ImageDefaults): readonly string[] {
  return image.entrypoint.length === 1 && image.entrypoint[0] === "" ? [] : image.entrypoint;
}
