import { CribError } from "../../errors/crib-error.ts";
import type { RuntimeRpc } from "../handler.ts";

/** The streaming session of kubectl port-forward: needs the streaming server. */
export function portForward(): RuntimeRpc<"portForward"> {
  return () => {
    throw new CribError(
      "unimplemented",
      "PortForward is not served by this version of crib; reach the pod by its address instead",
    );
  };
}
