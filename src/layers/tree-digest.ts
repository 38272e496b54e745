import { createHash, type Hash } from "node:crypto";
import { closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync, readSync } from "node:fs";

const pieceBytes = 1024 * 1024;

/**
 * `sha256:…` of all that a layer's directory holds: names, kinds, modes, owners, times, link targets, devices, which names share a
 * file, and every byte. Extended attributes are not in it. Nobody else may change the tree meanwhile: it is walked by path.
 */
export function treeDigest(root: string): string {
  const hash = createHash("sha256");
  const firstNames = new Map<bigint, Buffer>();
  const pending: Buffer[] = [Buffer.alloc(0)];
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    const path = Buffer.concat([Buffer.from(root), name]);
    const stat = lstatSync(path, { bigint: true });
    const first = stat.isDirectory() ? undefined : firstNames.get(stat.ino);
    if (!stat.isDirectory() && first === undefined) firstNames.set(stat.ino, name);
    const facts = `${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${stat.mtimeNs} ${stat.rdev}`;
    addText(hash, name);
    addText(hash, Buffer.from(facts));
    if (first !== undefined) addText(hash, first);
    else if (stat.isFile()) addFile(hash, path, stat.size);
    else if (stat.isSymbolicLink()) addText(hash, readlinkSync(path, { encoding: "buffer" }));
    else if (stat.isDirectory()) {
      const names = readdirSync(path, { encoding: "buffer" }).toSorted(Buffer.compare);
      for (const child of names) pending.push(Buffer.concat([name, Buffer.from("/"), child]));
    }
  }
  return `sha256:${hash.digest("hex")}`;
}

/** With its length in front, so that no two trees make one text. */
function addText(hash: Hash, text: Buffer): void {
  hash.update(`${text.length}\n`).update(text);
}

function addFile(hash: Hash, path: Buffer, size: bigint): void {
  hash.update(`${size}\n`);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const piece = Buffer.allocUnsafe(Number(size < pieceBytes ? size : pieceBytes));
    for (let left = size; left > 0n; ) {
      const read = readSync(fd, piece);
      if (read === 0) throw new Error(`${path} ends ${left} bytes before its end`);
      hash.update(piece.subarray(0, read));
      left -= BigInt(read);
    }
  } finally {
    closeSync(fd);
  }
}
