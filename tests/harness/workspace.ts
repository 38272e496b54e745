import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A temporary directory with a purpose; everything in it goes with `remove`, or with the run. */
export interface Workspace {
  readonly path: string;
  remove(): void;
}

let runDirectory: string | undefined;
let count = 0;

/**
 * Opens a directory below the run's own. The first call starts the janitor, a process that outlives this one and
 * clears up whatever is left when it has ended, however it ended.
 */
export function openWorkspace(purpose: string): Workspace {
  runDirectory ??= openRunDirectory();
  const path = join(runDirectory, `${purpose}-${++count}`);
  mkdirSync(path, { mode: 0o700 });
  return { path, remove: () => removeTree(path) };
}

/** Prefix of every cgroup this run makes, "/crib-test-PID". */
export function cgroupPrefix(pid = process.pid): string {
  return `/crib-test-${pid}-`;
}

/** Prefix of every network interface this run makes; short, because interface names hold 15 characters. */
export function linkPrefix(pid = process.pid): string {
  return `ct${pid % 1_000_000}n`;
}

function openRunDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), `crib-test-${process.pid}-`));
  const janitor = join(import.meta.dir, "janitor.ts");
  // Its stdin is a pipe nobody writes to: end of file tells it that this process is gone. setsid keeps Ctrl-C from it.
  const child = Bun.spawn(["setsid", process.execPath, janitor, path, String(process.pid)], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "inherit",
  });
  child.unref();
  return path;
}

/**
 * Whatever is still mounted inside goes first: `rm` must never walk into a live root.
 *
 * By rm(1), whose time grows with the tree: Bun's `rmSync` starts over at the top for every directory more than 16 levels
 * down, which took a janitor a quarter of an hour for the trees of a hostile layer.
 */
export function removeTree(path: string): void {
  unmountBelow(path);
  const { exitCode, stderr } = Bun.spawnSync(["rm", "-rf", "--one-file-system", "--", path]);
  if (exitCode !== 0) throw new Error(stderr.toString().trim().slice(0, 1000));
}

/** Detaches every mount at or below `path`, deepest first. */
export function unmountBelow(path: string): void {
  const points = Bun.spawnSync(["findmnt", "-rno", "TARGET"]).stdout.toString().split("\n");
  const inside = points.filter((point) => point === path || point.startsWith(`${path}/`));
  for (const point of inside.toSorted((a, b) => b.length - a.length)) Bun.spawnSync(["umount", "-l", point]);
}
