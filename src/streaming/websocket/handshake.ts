import { createHash } from "node:crypto";
import { listHeader, singleHeader } from "../http/header-values.ts";
import type { RequestHead } from "../http/request-head.ts";
import { type Refusal, switchingProtocolsBytes } from "../http/responses.ts";

/** RFC 6455 section 1.3. */
const keySuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** Sixteen bytes in base64. */
const keyPattern = /^[A-Za-z0-9+/]{21}[AQgw]==$/;

export interface Handshake {
  /** The one chosen: the client's first that is supported; "" when it named none. */
  readonly protocol: string;
  readonly answer: Uint8Array;
}

/** RFC 6455 section 4.2. Extensions are not agreed to: compression of a shell's bytes would be a length oracle. */
export function shakeHands(head: RequestHead, supported: Iterable<string>): Handshake | { readonly refusal: Refusal } {
  if (singleHeader(head, "sec-websocket-version") !== "13") {
    return {
      refusal: { status: 426, reason: "WebSocket version 13 only", headers: [["Sec-WebSocket-Version", "13"]] },
    };
  }
  const key = singleHeader(head, "sec-websocket-key");
  if (key === undefined || !keyPattern.test(key)) {
    return { refusal: { status: 400, reason: "Sec-WebSocket-Key is missing or wrong" } };
  }
  const wanted = listHeader(head, "sec-websocket-protocol");
  const known = new Set(supported);
  const protocol = wanted.length === 0 ? "" : wanted.find((name) => known.has(name));
  if (protocol === undefined || !known.has(protocol)) {
    return {
      refusal: { status: 403, reason: `no subprotocol in common; there are ${[...known].filter(Boolean).join(", ")}` },
    };
  }
  const accept = createHash("sha1")
    .update(key + keySuffix)
    .digest("base64");
  const chosen: (readonly [string, string])[] = protocol === "" ? [] : [["Sec-WebSocket-Protocol", protocol]];
  return { protocol, answer: switchingProtocolsBytes("websocket", [["Sec-WebSocket-Accept", accept], ...chosen]) };
}
