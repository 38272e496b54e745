import { CribError } from "../../errors/crib-error.ts";
import type { RuntimeRpc } from "../handler.ts";

/** Needs CRIU (KEP-2008). */
export function checkpointContainer(): RuntimeRpc<"checkpointContainer"> {
  return () => {
    throw new CribError("unimplemented", "CheckpointContainer is not supported: crib has no CRIU integration");
  };
}
