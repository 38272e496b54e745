import { CloseCode } from "./frame.ts";

/**
 * What the client's Close frame says: its code (1005 stands for none), or what is wrong with it. RFC 6455 sections 5.5.1,
 * 7.4 and 8.1.
 */
export function parseClosePayload(
  payload: Uint8Array,
): { readonly code: number } | { readonly violation: CloseCode; readonly reason: string } {
  if (payload.length === 0) return { code: 1005 };
  if (payload.length === 1) return { violation: CloseCode.ProtocolError, reason: "close code is cut short" };
  const code = new DataView(payload.buffer, payload.byteOffset).getUint16(0);
  if (!mayBeSent(code)) return { violation: CloseCode.ProtocolError, reason: "close code is not allowed" };
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(payload.subarray(2));
  } catch {
    return { violation: CloseCode.InvalidPayload, reason: "close reason is not UTF-8" };
  }
  return { code };
}

/** 1004 to 1006 and 1015 are never on the wire; 1016 to 2999 are not given out yet. */
function mayBeSent(code: number): boolean {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}
