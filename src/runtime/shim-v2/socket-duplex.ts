import type { Socket } from "node:net";
import type { Duplex } from "../../ttrpc/duplex.ts";

/** A socket of one connection, for ttRPC. */
export function socketDuplex(socket: Socket): Duplex {
  return {
    write: (bytes) => void socket.write(bytes),
    listen({ data, gone }) {
      let over = false;
      const end = (reason: Error): void => {
        if (over) return;
        over = true;
        gone(reason);
      };
      socket.on("data", data);
      socket.on("error", end);
      socket.on("close", () => end(new Error("connection closed")));
    },
    get unsentBytes() {
      return socket.writableLength;
    },
    close: () => socket.destroy(),
  };
}
