import { Code, ConnectError } from "@connectrpc/connect";

/** How a call ended, in gRPC's words: "OK", "NotFound", "InvalidArgument"… Anything but a gRPC status is thrown on. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  return (await outcomeOf(call)).code;
}

/** The code and the message of a call's end. */
export async function outcomeOf(call: Promise<unknown>): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await call;
    return { code: "OK", message: "" };
  } catch (error) {
    if (error instanceof ConnectError) return { code: Code[error.code], message: error.rawMessage };
    throw error;
  }
}
