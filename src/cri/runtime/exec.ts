import { CribError } from "../../errors/crib-error.ts";
import type { RuntimeRpc } from "../handler.ts";

/** The streaming session of kubectl exec: needs the streaming server. */
export function exec(): RuntimeRpc<"exec"> {
  return () => {
    throw new CribError("unimplemented", "Exec is not served by this version of crib; use ExecSync (crictl exec -s)");
  };
}
