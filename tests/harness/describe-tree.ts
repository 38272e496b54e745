import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** One line a file of a tree: type, mode, owner, device, times, links, content or target. Two equal trees, equal lines. */
export function describeTree(root: string): readonly string[] {
  const lines: string[] = [];
  const names = new Map<bigint, string>();
  const visit = (path: Buffer, name: string): void => {
    const stat = lstatSync(path, { bigint: true });
    const sharesWith = stat.isDirectory() ? undefined : names.get(stat.ino);
    if (!stat.isDirectory()) names.set(stat.ino, sharesWith ?? name);
    const content = stat.isSymbolicLink()
      ? readlinkSync(path, "latin1")
      : stat.isFile()
        ? createHash("sha256").update(readFileSync(path)).digest("hex")
        : `${stat.rdev}`;
    const links = stat.isDirectory() ? "" : `links=${stat.nlink} first=${sharesWith ?? name}`;
    lines.push(`${name} ${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${stat.mtimeNs} ${links} ${content}`);
    if (!stat.isDirectory()) return;
    for (const entry of readdirSync(path, { encoding: "buffer" }).toSorted(Buffer.compare)) {
      visit(Buffer.concat([path, Buffer.from("/"), entry]), `${name}/${entry.toString("latin1")}`);
    }
  };
  visit(Buffer.from(root), ".");
  return lines;
}
