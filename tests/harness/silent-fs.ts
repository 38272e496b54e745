import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** A mounted file system that answers, or is as silent as one whose server is gone. It holds one file, `file`. */
export interface SilentFs extends AsyncDisposable {
  readonly path: string;
  /** From now on no request is answered, those included that are under way. */
  silence(): Promise<void>;
  /** Requests of before stay unanswered. */
  recover(): Promise<void>;
  /** The server is gone for good: whoever waits is told an error. */
  abort(): Promise<void>;
}

/** Mounts one below `directory`. Needs root and /dev/fuse. */
export async function mountSilentFs(directory: string): Promise<SilentFs> {
  mkdirSync(directory, { recursive: true });
  const program = join(directory, "silent-fs");
  // Not with musl's compiler: it does not see the kernel's headers.
  const source = join(import.meta.dir, "../fixtures/silent-fs.c");
  const built = Bun.spawnSync(["gcc", "-Os", "-Wall", "-Wextra", "-Werror", "-o", program, source]);
  if (!built.success) throw new Error(`compile silent-fs.c: ${built.stderr.toString()}`);
  const path = join(directory, "mounted");
  mkdirSync(path);
  const server = Bun.spawn([program, path], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const lines = server.stdout.getReader();
  const heard = async (word: string): Promise<void> => {
    const { value } = await lines.read();
    const said = Buffer.from(value ?? []).toString();
    if (said !== `${word}\n`) throw new Error(`silent-fs said ${JSON.stringify(said)}, not ${word}`);
  };
  const tell = async (word: "silent" | "well"): Promise<void> => {
    server.stdin.write(word);
    await server.stdin.flush();
    await heard(word);
  };
  const abort = async (): Promise<void> => {
    server.kill("SIGKILL");
    await server.exited;
  };
  await heard("ready");
  return {
    path,
    silence: () => tell("silent"),
    recover: () => tell("well"),
    abort,
    async [Symbol.asyncDispose]() {
      await abort();
      Bun.spawnSync(["umount", "-l", path]);
    },
  };
}
