import type { CgroupCalls, Kernel } from "../port.ts";
import { cString } from "./c-string.ts";
import { asideCalls } from "./linux-aside.ts";
import { attributeCalls } from "./linux-attributes.ts";
import type { Calls } from "./linux-calls.ts";
import { openCalls } from "./linux-calls.ts";
import { withFailure } from "./linux-failure.ts";
import { descriptorCalls, directoryCalls } from "./linux-files.ts";
import { memoryCalls } from "./linux-memory.ts";
import { mountCalls } from "./linux-mounts.ts";
import { processCalls } from "./linux-processes.ts";
import { seccompCalls } from "./linux-seccomp.ts";
import { socketCalls } from "./linux-sockets.ts";
import { treeCalls } from "./linux-tree-usage.ts";

function cgroupCalls({ shim }: Calls): CgroupCalls {
  return {
    attachDeviceProgram(directory, program) {
      const path = cString(directory, "cgroup directory");
      withFailure((record) => shim.crib_attach_device_program(path, program, program, record));
    },
  };
}

/**
 * The kernel of this machine. Make one per thread: errno belongs to the thread, so a Worker makes its own.
 *
 * @throws {CribError} when libcrib.so cannot be loaded or has another version.
 */
export function createLinuxKernel(): Kernel {
  const calls = openCalls();
  return Object.freeze({
    ...descriptorCalls(calls),
    ...directoryCalls(calls),
    ...attributeCalls(calls),
    ...treeCalls(calls),
    ...mountCalls(calls),
    ...socketCalls(calls),
    ...processCalls(calls),
    ...seccompCalls(calls),
    ...cgroupCalls(calls),
    ...memoryCalls(calls),
    ...asideCalls(calls),
  });
}
