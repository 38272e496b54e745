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
