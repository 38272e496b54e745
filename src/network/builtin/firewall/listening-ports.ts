import { failedPrecondition } from "../../../errors/crib-error.ts";
import { Errno } from "../../../errors/errno.ts";
import { NetlinkError } from "../../netlink/netlink-error.ts";
import type { NetlinkSocket } from "../../netlink/netlink-socket.ts";
import { AF_INET, AF_INET6 } from "../../netlink/route-constants.ts";
import { formatAddress, toBigInt } from "../addresses/subnet.ts";
import type { HostPort } from "./host-ports.ts";

/** linux/sock_diag.h, inet_diag.h, net/tcp_states.h. */
const SOCK_DIAG_BY_FAMILY = 20;
const LISTENING = 1 << 10;
/** What an unconnected UDP socket is said to be. */
const UNCONNECTED = 1 << 7;

const protocols = {
  tcp: { number: 6, states: LISTENING },
  udp: { number: 17, states: UNCONNECTED },
  sctp: { number: 132, states: LISTENING },
} as const;

/**
 * Refuses host ports the node itself listens on: a mapping would take the service's traffic away without a word.
 *
 * The kernel is asked for sockets of exactly this local port, so the cost does not grow with the node's connections.
 *
 * @throws {CribError} failed-precondition naming port and listener.
 */
export async function refusePortsInUse(socket: NetlinkSocket, ports: readonly HostPort[]): Promise<void> {
  for (const port of ports) {
    const listener = await findListener(socket, port);
    if (listener === undefined) continue;
    throw failedPrecondition(
      `host port ${port.port}/${port.protocol} is in use: a process of this node listens on ${listener}; stop it or choose another port or hostIP`,
    );
  }
}

async function findListener(socket: NetlinkSocket, port: HostPort): Promise<string | undefined> {
  let listener: string | undefined;
  // A socket of the other family that takes both (`[::]:80`) is a listener for IPv4 too.
  for (const family of [4, 6] as const) {
    await eachSocket(socket, family, port, (address) => {
      if (listener !== undefined) return;
      const mapped = family === 6 && address >> 32n === 0xffffn;
      const same = mapped ? port.family === 4 : family === port.family;
      const value = mapped ? address & 0xffffffffn : address;
      const any = value === 0n && (same || family === 6);
      const overlaps = any || (same && (port.hostAddress === undefined || port.hostAddress === value));
      if (overlaps)
        listener =
          family === 6 ? `[${formatAddress(6, address)}]:${port.port}` : `${formatAddress(4, address)}:${port.port}`;
    });
  }
  return listener;
}

async function eachSocket(
  socket: NetlinkSocket,
  family: 4 | 6,
  port: HostPort,
  onLocalAddress: (address: bigint) => void,
): Promise<void> {
  const { number, states } = protocols[port.protocol];
  try {
    await socket.dump(
      `list ${port.protocol} sockets`,
      (b) => {
        b.begin(SOCK_DIAG_BY_FAMILY, 0);
        b.u8(family === 4 ? AF_INET : AF_INET6);
        b.u8(number);
        b.u16(0);
        b.u32(states);
        b.u16Be(port.port);
        b.raw(new Uint8Array(46));
        b.end();
      },
      ({ body }) => {
        const localPort = ((body[4] ?? 0) << 8) | (body[5] ?? 0);
        if (localPort === port.port) onLocalAddress(toBigInt(body.subarray(8, 8 + (family === 4 ? 4 : 16))));
      },
    );
  } catch (error) {
    // The protocol's module, or its diagnostic one, is not loaded: then nothing of crib's can tell, and SCTP has no listener.
    if (!(error instanceof NetlinkError && (error.errno === Errno.ENOENT || error.errno === Errno.EOPNOTSUPP)))
      throw error;
  }
}
