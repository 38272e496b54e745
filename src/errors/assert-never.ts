import { internal } from "./crib-error.ts";

/** Closes an exhaustive `switch`: a new member of the union fails to compile at this call. */
export function assertNever(value: never, what: string): never {
  throw internal(`unexpected ${what}: ${JSON.stringify(value)}`);
}
