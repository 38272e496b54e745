import { AT_FDCWD, O_PATH } from "../kernel/open-flags.ts";
import type { Kernel } from "../kernel/port.ts";

type Probed = "openat2" | "pidfd_open" | "new-mount-api";

/** Tries a kernel call where it can do no harm, for `crib doctor`; undefined when this process may not try it. */
export function probeKernel(kernel: Kernel, call: Probed): boolean | undefined {
  try {
    kernel.close(probes[call](kernel));
    return true;
  } catch (error) {
    const errno: unknown = error instanceof Error ? Reflect.get(error, "errno") : undefined;
    // EPERM: not root. Anything else is a kernel that does not know the call.
    return errno === 1 ? undefined : false;
  }
}

const probes = {
  openat2: (kernel: Kernel) => kernel.openat2(AT_FDCWD, "/", { flags: O_PATH, resolve: 0 }),
  pidfd_open: (kernel: Kernel) => kernel.pidfdOpen(kernel.getpid()),
  // Two layers, or no overlay is made. These two are filesystems of their own everywhere, and never overlays on overlays.
  "new-mount-api": (kernel: Kernel) => kernel.openOverlayView(["/dev", "/sys"]),
} as const satisfies Record<Probed, (kernel: Kernel) => unknown>;
