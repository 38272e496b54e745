import { readdirSync } from "node:fs";
import { posix } from "node:path";
import { invalidArgument } from "../../../errors/crib-error.ts";
import { type ForeignTable, mergeTables } from "../foreign-document.ts";
import { readForeignToml } from "../read-foreign-toml.ts";

export interface CrioConfiguration {
  /** What is below `[crio]`. */
  readonly crio: ForeignTable;
  /** registries.conf of the containers' tools, which CRI-O reads. */
  readonly registries: ForeignTable;
  readonly files: readonly string[];
  readonly refused: readonly { readonly path: string; readonly why: string }[];
}

export const crioConfigPath = "/etc/crio/crio.conf";
const registriesPath = "/etc/containers/registries.conf";

/**
 * The main file and the drop-ins of `crio.conf.d` beside it, in order of their names. A drop-in that cannot be used is left out and told.
 *
 * @param root "/", but in tests.
 * @throws {CribError} invalid-argument when the main file is there and cannot be used, or when there is no file at all.
 */
export function readCrio(main: string, root: string): CrioConfiguration {
  const refused: { readonly path: string; readonly why: string }[] = [];
  const files: string[] = [];
  const read = (path: string, isMain: boolean): ForeignTable => {
    const file = readForeignToml(posix.join(root, path));
    if (file.kind === "table") {
      files.push(path);
      return file.table;
    }
    if (file.kind === "refused") {
      if (isMain) throw invalidArgument(`${path} ${file.why}`);
      refused.push({ path, why: file.why });
    }
    return {};
  };
  const withDropIns = (path: string): ForeignTable => {
    const directory = `${path}.d`;
    return entries(posix.join(root, directory))
      .map((name) => read(posix.join(directory, name), false))
      .reduce(mergeTables, read(path, true));
  };
  const { crio } = withDropIns(main);
  if (files.length === 0) throw invalidArgument(`there is no configuration of CRI-O at ${main} or in ${main}.d`);
  const registries = withDropIns(registriesPath);
  return { crio: typeof crio === "object" ? (crio as ForeignTable) : {}, registries, files, refused };
}

function entries(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".conf"))
      .sort();
  } catch {
    // No drop-ins.
    return [];
  }
}
