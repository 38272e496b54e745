import { invalidArgument } from "../errors/crib-error.ts";
import type { CdiEdits, CdiFile } from "./cdi-file.ts";
import type { CdiDeviceName } from "./device-name.ts";
import { cdiDeviceName } from "./device-name.ts";

/** A file that was found: what it says, or why it is of no use. `priority` is the place of its directory in the list. */
export interface FoundCdiFile {
  readonly path: string;
  readonly priority: number;
  readonly content: CdiFile | { readonly problem: string };
}

interface Offer {
  readonly file: FoundCdiFile & { readonly content: CdiFile };
  readonly edits: CdiEdits;
}

/**
 * The edits that the wanted devices amount to: those of each device, before them once for each file its general ones.
 *
 * A device of a later directory replaces one of an earlier. Two files of the same directory that both have it make it
 * unusable: which of them is meant cannot be known.
 *
 * @throws {CribError} invalid-argument naming the device, the directories, and the files that could not be read.
 */
export function cdiEditsFor(
  wanted: readonly CdiDeviceName[],
  files: readonly FoundCdiFile[],
  directories: readonly string[],
): readonly CdiEdits[] {
  const offers = wanted.map((name) => findOffer(name, files, directories));
  const seen = new Set<string>();
  return offers.flatMap(({ file, edits }) => {
    const general = seen.has(file.path) ? undefined : file.content.containerEdits;
    seen.add(file.path);
    return general ? [general, edits] : [edits];
  });
}

function findOffer(name: CdiDeviceName, files: readonly FoundCdiFile[], directories: readonly string[]): Offer {
  const offers = files.flatMap((file) => offersOf(file, name));
  const highest = Math.max(...offers.map(({ file }) => file.priority));
  const [offer, rival] = offers.filter(({ file }) => file.priority === highest);
  if (offer === undefined) throw notFound(name, files, directories);
  if (rival !== undefined) {
    throw invalidArgument(
      `CDI device ${name} is in two files of one directory: ${offer.file.path}, ${rival.file.path}`,
    );
  }
  return offer;
}

function offersOf(file: FoundCdiFile, name: CdiDeviceName): readonly Offer[] {
  const { content } = file;
  if ("problem" in content) return [];
  return content.devices
    .filter((device) => cdiDeviceName(content.kind, device.name) === name)
    .map((device) => ({ file: { ...file, content }, edits: device.containerEdits }));
}

function notFound(name: CdiDeviceName, files: readonly FoundCdiFile[], directories: readonly string[]) {
  const where = directories.length === 0 ? "no directory is configured ([cdi] spec_dirs)" : directories.join(", ");
  const problems = files.flatMap(({ content }) => ("problem" in content ? [content.problem] : []));
  const unread = problems.length === 0 ? "" : `; unusable: ${problems.slice(0, 3).join("; ")}`;
  return invalidArgument(`CDI device ${name} is in no file of ${where}${unread}`);
}
