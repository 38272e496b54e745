import { readdirSync } from "node:fs";
import { posix } from "node:path";
import { CribError, invalidArgument } from "../../../errors/crib-error.ts";
import { type ForeignTable, listAt, textAt } from "../foreign-document.ts";
import { readForeignToml } from "../read-foreign-toml.ts";
import { type ContainerdSections, mergeSections, normalise } from "./normalise.ts";

interface RefusedFile {
  readonly path: string;
  readonly why: string;
}

export interface ContainerdConfiguration {
  readonly sections: ContainerdSections;
  /** Of the main file: what holds without a word depends on it. */
  readonly version: number;
  readonly files: readonly string[];
  /** Drop-ins that cannot be used. */
  readonly refused: readonly RefusedFile[];
}

export const containerdConfigPath = "/etc/containerd/config.toml";

/** What a containerd without a file reads since 2.2. */
const usualImports = ["/etc/containerd/conf.d/*.toml"];
const maxFiles = 256;

/**
 * The main file, then what it imports, as containerd goes about it: relative to the file that imports, each file once, later
 * ones over earlier ones. A drop-in that cannot be used is left out and told.
 *
 * @param root "/", but in tests.
 * @throws {CribError} invalid-argument when the main file is there and cannot be used: containerd would not start with it.
 */
export function readContainerd(main: string, root: string): ContainerdConfiguration {
  const refused: RefusedFile[] = [];
  const files: string[] = [];
  const pending = [main];
  const seen = new Set<string>();
  let found: Normal | undefined;
  for (let path = pending.shift(); path !== undefined && seen.size < maxFiles; path = pending.shift()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const read = readOne(path, path === main, root);
    if (typeof read === "string") {
      if (path === main) throw invalidArgument(`${path} ${read}`);
      refused.push({ path, why: read });
      continue;
    }
    if (read.there) files.push(path);
    const { normal } = read;
    found = found === undefined ? normal : { ...found, sections: mergeSections(found.sections, normal.sections) };
    for (const pattern of listAt(read.table, "imports")) {
      const matches = resolveImport(path, String(pattern), root);
      if (typeof matches === "string") refused.push({ path, why: matches });
      else pending.push(...matches);
    }
  }
  if (pending.length > 0) refused.push({ path: pending[0] ?? "", why: `is one of more than ${maxFiles} files` });
  if (found === undefined) throw invalidArgument(`${main} has nothing to read`);
  return { ...found, files, refused };
}

interface Normal {
  readonly version: number;
  readonly sections: ContainerdSections;
}

/** @returns why the file cannot be used. */
function readOne(path: string, isMain: boolean, root: string) {
  const file = readForeignToml(posix.join(root, path));
  if (file.kind === "refused") return file.why;
  if (file.kind === "absent" && !isMain) return "is not there";
  const table: ForeignTable = file.kind === "table" ? file.table : { version: 3, imports: usualImports };
  const normal = normalise(table);
  return typeof normal === "string" ? normal : { there: file.kind === "table", table, normal };
}

/** Where it serves; undefined where nothing says so, or the configuration cannot be read. */
export function containerdAddress(root: string): string | undefined {
  try {
    return textAt(readContainerd(containerdConfigPath, root).sections.grpc, "address") || undefined;
  } catch (error) {
    if (CribError.is(error)) return undefined;
    throw error;
  }
}

function resolveImport(parent: string, pattern: string, root: string): readonly string[] | string {
  const path = posix.resolve(posix.dirname(parent), pattern);
  const directory = posix.dirname(path);
  if (/[*?[]/.test(directory)) return `imports ${pattern}: only the last part of a path may be a pattern for crib`;
  const base = posix.basename(path);
  if (!/[*?[]/.test(base)) return [path];
  const matcher = new Bun.Glob(base.replaceAll("{", "\\{"));
  return entries(posix.join(root, directory))
    .filter((name) => matcher.match(name))
    .map((name) => posix.join(directory, name));
}

function entries(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    // A pattern that nothing matches is no mistake.
    return [];
  }
}
