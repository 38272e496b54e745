/** A device node of the host, as far as an edit leaves its numbers open. */
export interface HostNode {
  readonly type: "b" | "c" | "p";
  readonly major: number;
  readonly minor: number;
  readonly mode: number;
}
