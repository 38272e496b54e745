import { CribError } from "../../errors/crib-error.ts";
import type { RuntimeRpc } from "../handler.ts";

/** The streaming session of kubectl attach: needs the streaming server. */
export function attach(): RuntimeRpc<"attach"> {
  return () => {
    throw new CribError(
      "unimplemented",
      "Attach is not served by this version of crib; read the log instead (crictl logs -f)",
    );
  };
}
