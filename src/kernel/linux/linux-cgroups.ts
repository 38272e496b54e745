import type { CgroupCalls } from "../port.ts";
import { cString } from "./c-string.ts";
import type { Calls } from "./linux-calls.ts";
import { withFailure } from "./linux-failure.ts";

export function cgroupCalls({ shim }: Calls): CgroupCalls {
  return {
    attachDeviceProgram(directory, program) {
      const path = cString(directory, "cgroup directory");
      withFailure((record) => shim.crib_attach_device_program(path, program, program, record));
    },
  };
}
