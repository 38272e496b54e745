import type { Fd } from "../../ids/process.ts";
import { O_NONBLOCK } from "../open-flags.ts";
import type { SocketCalls } from "../port.ts";
import { cString } from "./c-string.ts";
import { type Calls, checkedShim } from "./linux-calls.ts";
import { withFailure } from "./linux-failure.ts";

const AF_UNIX = 1;
const AF_NETLINK = 16;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const F_SETFL = 4;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** A receiver that hangs (systemd, say) must not make the event loop wait. */
const MSG_DONTWAIT = 0x40;
const SOCKADDR_NL_BYTES = 12;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;

export function socketCalls({ libc, shim, checked }: Calls): SocketCalls {
  return {
    socket(domain, type, protocol) {
      return checked(libc.socket(domain, type | SOCK_CLOEXEC, protocol), "socket") as Fd;
    },
    socketPair() {
      const pair = new Int32Array(2);
      checked(libc.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
      const [ours = -1, theirs = -1] = pair;
      checked(libc.fcntl(ours, F_SETFL, O_NONBLOCK), "fcntl F_SETFL");
      return [ours as Fd, theirs as Fd];
    },
    connectLoopback(netns, ipVersion, port) {
      return withFailure((record) => shim.crib_connect_loopback(netns ?? -1, ipVersion, port, record)) as Fd;
    },
    isConnected: (fd) => checkedShim(shim.crib_connected(fd), "connect", String(fd)) === 1,
    bindNetlink(fd, groups) {
      // Port 0: the kernel chooses a free one, so that several sockets of this process do not collide.
      const address = new DataView(new ArrayBuffer(SOCKADDR_NL_BYTES));
      address.setUint16(0, AF_NETLINK, true);
      address.setUint32(8, groups, true);
      checked(libc.bind(fd, address, SOCKADDR_NL_BYTES), "bind", "netlink");
      checked(libc.setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, Int32Array.of(1), 4), "setsockopt", "NETLINK_EXT_ACK");
    },
    sendAside: (fd, bytes) => void checkedShim(shim.crib_send_aside(fd, bytes, bytes), "send", String(fd)),
    converseAside(path, bytes, descriptor, timeoutMs) {
      const place = cString(path, "socket path");
      return withFailure((record) => shim.crib_converse(place, bytes, bytes, descriptor, timeoutMs, record)) as Fd;
    },
    sendUnixDatagram(path, bytes) {
      const fd = checked(libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket") as Fd;
      try {
        const address = unixAddress(path);
        checked(
          Number(libc.sendto(fd, bytes, bytes, MSG_NOSIGNAL | MSG_DONTWAIT, address, address.length)),
          "sendto",
          path,
        );
      } finally {
        libc.close(fd);
      }
    },
    listenUnix(path, backlog) {
      return withFailure((record) => shim.crib_listen_unix(cString(path, "socket path"), backlog, record)) as Fd;
    },
  };
}

/** `struct sockaddr_un`: the path with its NUL, or for an abstract name a NUL in the place of the `@` and no end. */
function unixAddress(path: string): Uint8Array {
  const abstract = path.startsWith("@");
  const name = Buffer.from(abstract ? `\0${path.slice(1)}` : `${path}\0`);
  const address = Buffer.alloc(2 + name.length);
  address.writeUInt16LE(AF_UNIX, 0);
  name.copy(address, 2);
  return address;
}
