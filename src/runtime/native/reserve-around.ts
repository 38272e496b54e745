import type { HostPath } from "../../ids/path.ts";
import type { SandboxHandle, SandboxNamespaces, SandboxReservation } from "../port.ts";
import { sandboxDirectory } from "../sandbox-directory.ts";
import type { NativeRuntime } from "./native-runtime.ts";
import type { NativeSandbox } from "./native-sandbox.ts";

/**
 * A pod that crib's monitor keeps and whose containers something else makes.
 *
 * @param around the pod as its runtime has it, of the one that the monitor keeps and its directory.
 */
export function reserveAround(
  native: NativeRuntime,
  state: HostPath,
  namespaces: SandboxNamespaces,
  options: { readonly fresh: boolean },
  around: (native: NativeSandbox, directory: HostPath) => SandboxHandle,
): SandboxReservation {
  const reservation = native.reserve(namespaces, options);
  const { id, madeAhead } = reservation;
  return {
    id,
    madeAhead,
    begin: (setup) => {
      const { launched, ready } = reservation.begin(setup);
      return { launched: launched.then((sandbox) => around(sandbox, sandboxDirectory(state, id))), ready };
    },
  };
}
