import { describe, expect, test } from "bun:test";
import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { AT_FDCWD, O_RDONLY } from "../open-flags.ts";
import type { Kernel } from "../port.ts";
import { createLinuxKernel } from "./linux.ts";

type Failing = readonly [errno: number, call: (kernel: Kernel) => void];

/** Calls that fail with different errnos, straight through libc; each is followed by another's on the next turn. */
const failing: readonly Failing[] = [
  [Errno.EEXIST, (kernel) => kernel.mkdirat(AT_FDCWD, "/tmp", 0o700)],
  [Errno.ENOENT, (kernel) => kernel.unlinkat(AT_FDCWD, "/nowhere/at/all", false)],
  [Errno.ENOTDIR, (kernel) => kernel.mkdirat(AT_FDCWD, "/dev/null/x", 0o700)],
  [Errno.EINVAL, (kernel) => void kernel.readlinkat(AT_FDCWD, "/proc")],
  [Errno.EBADF, (kernel) => kernel.fsync(999_999 as never)],
  [Errno.ENOENT, (kernel) => void kernel.statfs("/nowhere")],
];

/** The errnos of `rounds` rounds that were not what the call must give. */
function wrongErrnos(kernel: Kernel, rounds: number, disturb: (round: number) => void): string[] {
  const wrong: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, [expected, call]] of failing.entries()) {
      disturb(round);
      try {
        call(kernel);
        wrong.push(`call ${index} succeeded`);
      } catch (error) {
        const errno = error instanceof ErrnoError ? error.errno : -1;
        if (errno !== expected) wrong.push(`call ${index} gave ${errno} instead of ${expected}`);
      }
    }
  }
  return wrong;
}

describe("errno is read before anything can change it", () => {
  test("while the collector runs all the time", () => {
    const kernel = createLinuxKernel();
    let garbage: unknown[] = [];
    const disturb = (round: number): void => {
      garbage.push(new Uint8Array(4096), `${round}`.repeat(10), { round });
      if (garbage.length > 3000) garbage = [];
      if (round % 500 === 0) Bun.gc(false);
    };
    // Enough rounds to pass through the interpreter and every tier of the compiler, whose own calls happen in between.
    expect(wrongErrnos(kernel, 30_000, disturb)).toEqual([]);
  });

  test("while successful and failing calls alternate", () => {
    const kernel = createLinuxKernel();
    const disturb = (): void => void kernel.close(kernel.open("/dev/null", O_RDONLY));
    expect(wrongErrnos(kernel, 5_000, disturb)).toEqual([]);
  });

  test("in several Workers at once", async () => {
    const workers = Array.from(
      { length: 3 },
      () => new Worker(new URL("../testdata/errno-in-worker.ts", import.meta.url)),
    );
    const answers = await Promise.all(
      workers.map(
        (worker) =>
          new Promise<unknown>((resolve, reject) => {
            worker.onmessage = ({ data }) => resolve(data);
            worker.onerror = ({ message }) => reject(new Error(message));
          }),
      ),
    );
    for (const worker of workers) worker.terminate();
    expect(answers).toEqual([0, 0, 0]);
  });
});
