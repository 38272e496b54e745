import { unavailable } from "../../errors/crib-error.ts";

/**
 * Begins to connect to the streaming server, at a URL that the daemon gave over its own socket.
 *
 * Its certificate is not judged: it is made for the kubelet's needs, the address is this host's own, and who answers there
 * can do nothing without knowing the token.
 */
export function dialWebSocket(url: string, subprotocol: string): WebSocket {
  const socket = new WebSocket(url.replace(/^http/, "ws"), {
    protocols: [subprotocol],
    tls: { rejectUnauthorized: false },
  });
  socket.binaryType = "arraybuffer";
  return socket;
}

/** What may wait in this process for the daemon to take it. */
const maxBufferedBytes = 1 << 20;
const drainPollMs = 2;

/** Sends one message of a channel protocol: the channel's number, then the bytes. Dropped when the session is over. */
export function sendToChannel(socket: WebSocket, channel: number, bytes: Uint8Array): void {
  if (socket.readyState !== WebSocket.OPEN) return;
  const message = new Uint8Array(bytes.length + 1);
  message[0] = channel;
  message.set(bytes, 1);
  socket.send(message);
}

/** Resolves when more may be sent without piling up here. */
export async function roomToSend(socket: WebSocket): Promise<void> {
  while (socket.bufferedAmount > maxBufferedBytes && socket.readyState === WebSocket.OPEN) await Bun.sleep(drainPollMs);
}

/** Resolves when messages may be sent. @throws {CribError} unavailable when the server cannot be reached or refuses. */
export async function opened(socket: WebSocket): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve();
    socket.onerror = (event) => {
      const detail = "message" in event ? String(event.message) : "connection refused";
      reject(unavailable(`no streaming session at ${new URL(socket.url).host}: ${detail}`));
    };
  });
}
