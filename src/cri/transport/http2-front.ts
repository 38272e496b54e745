import type { Http2Server } from "node:http2";
import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "../../observe/log.ts";

/** What every HTTP/2 client begins with (RFC 9113, 3.4), the part that no method of HTTP/1 begins with. */
const preface = Buffer.from("PRI", "latin1");
/** Clients say it at once. */
const silenceMs = 30_000;
const explanation = `this is a container engine's socket: it speaks gRPC, which needs HTTP/2; try crictl or ctr, or curl --http2-prior-knowledge\n`;
const answer = `HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain\r\ncontent-length: ${explanation.length}\r\nconnection: close\r\n\r\n${explanation}`;

/**
 * Listens before an HTTP/2 server: who does not speak it gets an answer that a person can read, and not frames. The server would
 * have sent its settings before it read a byte.
 */
export function http2Front(server: Http2Server, log: Log): Server {
  return createServer((socket) => {
    const onError = (error: Error) => log.debug({ err: error }, "connection failed");
    const onSilence = () => socket.destroy();
    socket.on("error", onError);
    socket.setTimeout(silenceMs, onSilence);
    let seen: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      const compared = Math.min(seen.length, preface.length);
      const speaksIt = seen.subarray(0, compared).equals(preface.subarray(0, compared));
      if (speaksIt && compared < preface.length) return;
      socket.off("data", onData);
      socket.off("timeout", onSilence);
      socket.setTimeout(0);
      if (speaksIt) handOver(server, socket, seen);
      else refuse(socket);
    };
    socket.on("data", onData);
  });
}

function handOver(server: Http2Server, socket: Socket, seen: Buffer): void {
  socket.pause();
  socket.unshift(seen);
  server.emit("connection", socket);
  socket.resume();
}

function refuse(socket: Socket): void {
  // What else comes of the request is read and dropped, or the answer would be lost with the connection's reset.
  socket.resume();
  socket.setTimeout(silenceMs, () => socket.destroy());
  socket.end(answer);
}
