import { Errno } from "../../errors/errno.ts";
import { ErrnoError } from "../../errors/errno-error.ts";
import { createLinuxKernel } from "../linux/linux.ts";
import { AT_FDCWD } from "../open-flags.ts";

/** Counts the wrong errnos of a Worker that collects garbage while the other threads do the same. */
const kernel = createLinuxKernel();
let wrong = 0;
let garbage: unknown[] = [];
for (let round = 0; round < 20_000; round += 1) {
  const [path, expected] =
    round % 2 === 0 ? (["/tmp", Errno.EEXIST] as const) : (["/dev/null/x", Errno.ENOTDIR] as const);
  garbage.push(new Uint8Array(1024));
  if (garbage.length > 2000) garbage = [];
  try {
    kernel.mkdirat(AT_FDCWD, path, 0o700);
    wrong += 1;
  } catch (error) {
    if (!(error instanceof ErrnoError) || error.errno !== expected) wrong += 1;
  }
}
postMessage(wrong);
