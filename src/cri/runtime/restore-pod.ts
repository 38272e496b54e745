import { CribError } from "../../errors/crib-error.ts";
import type { RuntimeRpc } from "../handler.ts";

/** Needs CRIU (KEP-5823). */
export function restorePod(): RuntimeRpc<"restorePod"> {
  return () => {
    throw new CribError("unimplemented", "RestorePod is not supported: crib has no CRIU integration");
  };
}
