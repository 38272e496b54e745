import { Code, ConnectError } from "@connectrpc/connect";

/** Why an RPC ends whose client has closed its stream or connection. */
export function clientLeft(): ConnectError {
  return new ConnectError("the client left before its answer", Code.Canceled);
}

/** Why an RPC was given up: its deadline, which Connect says itself, or a client that went without a word. */
export function reasonToGiveUp(signal: AbortSignal): ConnectError {
  return signal.reason instanceof ConnectError ? signal.reason : clientLeft();
}
