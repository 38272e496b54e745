import type { RuntimeRpc } from "../../handler.ts";
import { notImplemented } from "../../not-implemented.ts";

/** Needs CRIU (KEP-5823). */
export function restorePod(): RuntimeRpc<"restorePod"> {
  return () => {
    throw notImplemented("RestorePod");
  };
}
