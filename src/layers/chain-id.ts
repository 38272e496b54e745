import { createHash } from "node:crypto";
import type { ChainId, DiffId } from "../ids/digest.ts";

/** Chain ids of a stack, bottom to top (OCI image-spec, config.md "Layer ChainID"). */
export function chainIds(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  let below: string | undefined;
  for (const diffId of diffIds) {
    below = below === undefined ? diffId : `sha256:${createHash("sha256").update(`${below} ${diffId}`).digest("hex")}`;
    chain.push(below as ChainId);
  }
  return chain;
}
