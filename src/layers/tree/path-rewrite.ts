import { type EntryPath, joinEntryPath, splitEntryPath } from "../entry-path.ts";

/** Where a member really goes, when the layers below have a link in its way. */
export type PathRewrite = (path: EntryPath) => EntryPath;

/** From the name of a directory the archive implies to the directory it means in the stack. */
export type RewrittenDirectories = ReadonlyMap<string, string>;

/**
 * A layer may bring `lib/x` without a member `lib`, on top of layers where `lib` is a link to `usr/lib`. Unpacked over
 * the stack it would land in `usr/lib`; unpacked alone it would hide the link. The rewrite gives the first result.
 */
export function rewriteBelow(directories: RewrittenDirectories): PathRewrite {
  if (directories.size === 0) return (path) => path;
  return (path) => {
    for (let prefix = path.parent; prefix !== ""; prefix = splitEntryPath(prefix).parent) {
      const meant = directories.get(prefix);
      if (meant === undefined) continue;
      const rest = joinEntryPath(path).slice(prefix.length + 1);
      return splitEntryPath(meant === "" ? rest : `${meant}/${rest}`);
    }
    return path;
  };
}
