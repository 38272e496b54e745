import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { invalidArgument } from "../errors/crib-error.ts";
import { hasErrno } from "../errors/has-errno.ts";
import type { ConfigSource } from "./load-config.ts";

export const defaultConfigPath = "/etc/crib/config.toml";

/**
 * The configuration file and the `conf.d/*.toml` beside it, in order of their names.
 *
 * Nothing there is the default configuration; a file that was asked for by name has to be there.
 *
 * @throws {CribError} invalid-argument naming the file that cannot be read.
 */
export function readConfigFiles(file: string | undefined): readonly ConfigSource[] {
  const main = file ?? defaultConfigPath;
  const dropIns = join(dirname(main), "conf.d");
  const names = absentIsEmpty(() => readdirSync(dropIns), [], dropIns)
    .filter((name) => name.endsWith(".toml"))
    .sort();
  const read = (path: string) => [{ path, text: readFileSync(path, "utf8") }];
  return [
    ...(file === undefined ? absentIsEmpty(() => read(main), [], main) : required(() => read(main), main)),
    ...names.flatMap((name) => required(() => read(join(dropIns, name)), join(dropIns, name))),
  ];
}

function required<T>(action: () => T, path: string): T {
  try {
    return action();
  } catch (error) {
    throw invalidArgument(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function absentIsEmpty<T>(action: () => T, empty: T, path: string): T {
  try {
    return action();
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return empty;
    return required(() => {
      throw error;
    }, path);
  }
}
