import { CribError } from "../../errors/crib-error.ts";
import type { RuntimeRpc } from "../handler.ts";

/** Needs CRIU (KEP-5823). */
export function checkpointPod(): RuntimeRpc<"checkpointPod"> {
  return () => {
    throw new CribError("unimplemented", "CheckpointPod is not supported: crib has no CRIU integration");
  };
}
