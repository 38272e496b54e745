import type { HostPath } from "../ids/path.ts";
import type { Fd } from "../ids/process.ts";
import { O_RDONLY } from "../kernel/open-flags.ts";
import type { Kernel } from "../kernel/port.ts";

/** Opens the pinned namespace for the length of `work`. @throws {ErrnoError} ENOENT when it is gone. */
export async function withNetns<Result>(
  kernel: Pick<Kernel, "open" | "close">,
  netns: HostPath,
  work: (fd: Fd) => Promise<Result>,
): Promise<Result> {
  const fd = kernel.open(netns, O_RDONLY);
  try {
    return await work(fd);
  } finally {
    kernel.close(fd);
  }
}
