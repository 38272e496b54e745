import { Code, ConnectError } from "@connectrpc/connect";

/** The answer to a call of crib's own, or undefined from a daemon that does not have it: another engine, or an older crib. */
export async function orNothing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.Unimplemented) return undefined;
    throw error;
  }
}
