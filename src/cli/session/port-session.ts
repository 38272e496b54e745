import { once } from "node:events";
import type { Socket } from "node:net";
import { unavailable } from "../../errors/crib-error.ts";
import { dialWebSocket, opened, roomToSend, sendToChannel } from "./web-socket.ts";

const subprotocol = "v4.channel.k8s.io";
const dataChannel = 0;
const errorChannel = 1;
/** Each channel's first message is the port. */
const portBytes = 2;

/**
 * Carries one accepted connection to a port of a pod, until either side ends it. The protocol has no half-close: a client
 * that ends its half still gets everything the pod sends.
 *
 * @throws {CribError} unavailable with what the daemon said, such as that nobody listens on the port.
 */
export async function carryConnection(socket: Socket, url: string): Promise<void> {
  const session = dialWebSocket(url, subprotocol);
  const closed = new Promise<void>((resolve) => {
    session.onclose = () => resolve();
  });
  let problem = "";
  const announced = new Set<number>();
  session.onmessage = ({ data }) => {
    const message = new Uint8Array(data as ArrayBuffer);
    const channel = message[0] ?? errorChannel;
    if (!announced.has(channel)) {
      announced.add(channel);
      if (message.length === 1 + portBytes) return;
    }
    const bytes = message.subarray(1);
    if (channel === errorChannel) problem += Buffer.from(bytes).toString("utf8");
    else if (channel === dataChannel && !socket.write(Uint8Array.from(bytes))) {
      session.pause();
      socket.once("drain", () => session.resume());
    }
  };
  socket.on("close", () => session.close());
  await opened(session);
  const sending = send(socket, session);
  await closed;
  if (!socket.destroyed) {
    socket.end();
    if (!socket.writableFinished) await Promise.race([once(socket, "finish"), once(socket, "close")]);
    socket.destroy();
  }
  await sending;
  if (problem !== "") throw unavailable(problem);
}

async function send(socket: Socket, session: WebSocket): Promise<void> {
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      if (session.readyState !== WebSocket.OPEN) return;
      sendToChannel(session, dataChannel, chunk as Uint8Array);
      await roomToSend(session);
    }
  } catch {
    // A client that resets its connection has ended it, as much as one that closes it: "close" tells the session.
  }
}
