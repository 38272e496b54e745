import { refusedLayer } from "./layer-error.ts";
import { maxPathBytes } from "./layer-limits.ts";

/** A cleaned member name: where it goes below the layer's root. */
export interface EntryPath {
  /** Directory part without slashes at either end; "" is the root itself. */
  readonly parent: string;
  /** Last component; "" only for the root. */
  readonly base: string;
}

/**
 * Cleans a member's name the way Go's filepath.Clean does below "/": empty and "." parts vanish, ".." never
 * climbs past the root. This is for tidiness alone; safety comes from resolving the result by openat2 in the root.
 * @throws {CribError} failed-precondition for names over PATH_MAX or components over NAME_MAX.
 */
export function cleanEntryPath(name: string): EntryPath {
  if (name.length > maxPathBytes || Buffer.byteLength(name) > 3 * maxPathBytes) {
    throw refusedLayer(`a name is longer than ${maxPathBytes} bytes`);
  }
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  const base = parts.pop() ?? "";
  return { parent: parts.join("/"), base };
}

export function joinEntryPath(path: EntryPath): string {
  return path.parent === "" ? path.base : `${path.parent}/${path.base}`;
}

/** Splits "a/b/c" into its parent "a/b" and base "c". */
export function splitEntryPath(path: string): EntryPath {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? { parent: "", base: path } : { parent: path.slice(0, slash), base: path.slice(slash + 1) };
}
