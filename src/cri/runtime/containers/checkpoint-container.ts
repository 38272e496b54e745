import type { RuntimeRpc } from "../../handler.ts";
import { notImplemented } from "../../not-implemented.ts";

/** Needs CRIU (KEP-2008). */
export function checkpointContainer(): RuntimeRpc<"checkpointContainer"> {
  return () => {
    throw notImplemented("CheckpointContainer");
  };
}
