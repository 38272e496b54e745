import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "./wait-until.ts";

export const recordedDiskBytes = 320 * 2 ** 20;

/** ext4 on a loop device whose every write and flush is written down. */
export interface RecordedDisk extends AsyncDisposable {
  readonly path: string;
  /** What `readDiskLog` reads. */
  readonly log: string;
}

let program: string | undefined;

/**
 * Mounts one below `directory`, which must be there and empty. Needs root, /dev/fuse and loop devices.
 * @param image what it holds at first, which is left as it is: a disk after a power cut. Default: an ext4 that was just made.
 */
export async function mountRecordedDisk(directory: string, image?: string): Promise<RecordedDisk> {
  program ??= compile();
  const [server, path, log] = ["server", "fs", "log"].map((name) => join(directory, name)) as [string, string, string];
  for (const made of [server, path]) mkdirSync(made);
  await using undo = new AsyncDisposableStack();
  const args = [program, server, String(recordedDiskBytes), log, ...(image === undefined ? [] : [image])];
  const recorder = Bun.spawn(args, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  undo.defer(async () => {
    recorder.kill("SIGKILL");
    await recorder.exited;
    Bun.spawnSync(["umount", "-l", server]);
  });
  const { value } = await recorder.stdout.getReader().read();
  if (Buffer.from(value ?? []).toString() !== "ready\n") throw new Error("recorded-disk did not start");
  // Direct: a write is with the recorder when the block layer says that it is done.
  const loop = await run("losetup", "-f", "--show", "--direct-io=on", join(server, "disk"));
  undo.defer(async () => void (await run("losetup", "-d", loop)));
  if (image === undefined)
    await run(
      "mkfs.ext4",
      "-q",
      "-F",
      "-m",
      "0",
      "-b",
      "4096",
      "-J",
      "size=8",
      "-N",
      "4096",
      "-E",
      "lazy_itable_init=0",
      loop,
    );
  await run("mount", loop, path);
  undo.defer(async () => {
    // What a daemon of before had mounted of its files is let go a moment after it is closed.
    await waitUntil(() => Bun.spawnSync(["umount", path], { stderr: "ignore" }).success, { what: `${path} is free` });
  });
  const owned = undo.move();
  return { path, log, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function compile(): string {
  const output = join(import.meta.dir, "../../build/recorded-disk");
  mkdirSync(join(output, ".."), { recursive: true });
  // Not with musl's compiler: it does not see the kernel's headers.
  const source = join(import.meta.dir, "../fixtures/recorded-disk.c");
  const built = Bun.spawnSync(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", output, source]);
  if (!built.success) throw new Error(`compile recorded-disk.c: ${built.stderr.toString()}`);
  return output;
}

/** In the background: a file system's server must answer while its mount waits for it. */
async function run(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code !== 0) throw new Error(`${command.join(" ")}: exit ${code}: ${stderr.trim()}`);
  return stdout.trim();
}
