import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const sources = [
  "ffi/tests/judge.c",
  "ffi/wire/reader.c",
  "ffi/wire/failure.c",
  "ffi/wire/plan-reader.c",
  "ffi/wire/protocol-reader.c",
];
const flags = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Iffi", "-Iffi/include"];
const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/** What ffi/tests/judge.h calls a plan and a request: the two kinds of inputs. */
export const judged = {
  plan: (plan: Uint8Array): Uint8Array => Buffer.concat([Uint8Array.of(0, 0), plan]),
  request: (kind: number, payload: Uint8Array): Uint8Array => Buffer.concat([Uint8Array.of(1, kind), payload]),
};

/** The readers of the monitor, in C, in a process of their own under the sanitizers. */
export class CJudge {
  readonly #toJudge: number;
  readonly #fromJudge: number;

  constructor() {
    const directory = mkdtempSync(join(tmpdir(), "crib-judge-"));
    const place = (name: string): string => join(directory, name);
    try {
      run(["gcc", ...flags, ...sanitizers, ...sources, "-o", place("judge")]);
      run(["mkfifo", place("in"), place("out")]);
      // By named pipes: an input and its verdict are one blocking write and read, where a test target may not wait for events.
      const child = Bun.spawn(["sh", "-c", 'exec "$0/judge" <"$0/in" >"$0/out"', directory], {
        stdin: "ignore",
        stdout: "ignore",
        stderr: "inherit",
      });
      child.unref();
      this.#toJudge = openSync(place("in"), "w");
      this.#fromJudge = openSync(place("out"), "r");
      // It has been started when it answers; then nobody needs its file any more.
      this.accepts(new Uint8Array(0));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** @throws {Error} when the reader has died of the input; what the sanitizer says is on stderr. */
  accepts(input: Uint8Array): boolean {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(input.length);
    const bytes = Buffer.concat([length, input]);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#toJudge, bytes, at);
    const verdict = Buffer.alloc(1);
    if (readSync(this.#fromJudge, verdict) !== 1) throw new Error("the reader in C has died");
    return verdict[0] === 1;
  }

  [Symbol.dispose](): void {
    closeSync(this.#toJudge);
    closeSync(this.#fromJudge);
  }
}

function run(command: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([...command], { cwd: root });
  if (exitCode !== 0) throw new Error(`${command[0]} failed: ${stderr.toString()}`);
}
