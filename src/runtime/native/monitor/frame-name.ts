import { FrameKind } from "../wire-numbers.ts";

/** "signal" for FrameKind.signal: what a message calls a request. */
export function frameName(kind: number): string {
  return Object.entries(FrameKind).find(([, value]) => value === kind)?.[0] ?? `request ${kind}`;
}
