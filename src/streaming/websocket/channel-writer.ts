import { type DataOpcode, Opcode } from "./frame.ts";
import type { ChannelProtocol } from "./subprotocols.ts";
import { maxSentBytes, type WebSocketConnection } from "./websocket-connection.ts";

const asciiZero = 0x30;
/** What becomes `maxSentBytes` of base64. */
const maxBase64Input = (maxSentBytes / 4) * 3;

/** Writes to a channel, in as many messages as it takes; an empty write is one empty message. @returns false: hold back */
export function sendToChannel(
  connection: WebSocketConnection,
  protocol: ChannelProtocol,
  channel: number,
  bytes: Uint8Array,
): boolean {
  const most = protocol.base64 ? maxBase64Input : maxSentBytes;
  const opcode: DataOpcode = protocol.base64 ? Opcode.Text : Opcode.Binary;
  let taken = true;
  let at = 0;
  do {
    const part = at === 0 && bytes.length <= most ? bytes : bytes.subarray(at, at + most);
    taken = protocol.base64
      ? connection.send(opcode, asciiZero + channel, toBase64(part))
      : connection.send(opcode, channel, part);
    at += most;
  } while (at < bytes.length);
  return taken;
}

function toBase64(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"), "latin1");
}
