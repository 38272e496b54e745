import { CribError } from "../../../errors/crib-error.ts";
import { MonitorClient } from "./client.ts";
import { MonitorConnection } from "./connection.ts";
import { FrameKind, protocol } from "./frames.ts";
import type { MonitorAddress } from "./monitor-address.ts";
import type { Monitor } from "./port.ts";
import { type VersionRange, withCommonVersion } from "./protocol-version.ts";
import { readGreeting } from "./replies.ts";
import { helloPayload } from "./requests.ts";

/**
 * Connects to the monitor that listens at `path` and makes sure that it is the sandbox's.
 *
 * @throws {CribError} unavailable when nobody answers in time, data-loss when somebody else does; {MonitorProtocolError}
 * when the monitor lives and speaks no version of the protocol that we do.
 */
export async function connectMonitor(address: MonitorAddress): Promise<Monitor> {
  const name = `monitor of sandbox ${address.sandboxId}`;
  return await withCommonVersion(name, (offer) => connectOffering(offer, name, address));
}

async function connectOffering(offer: VersionRange, name: string, address: MonitorAddress): Promise<Monitor> {
  const { path, sandboxId, clock } = address;
  // Events that overtake the greeting's promise have no listener yet: a caller that reconnects asks for the list afterwards.
  let client: MonitorClient | undefined;
  const connection = await MonitorConnection.open(path, name, clock, (frame) => client?.takeEvent(frame));
  try {
    const greeting = readGreeting(await connection.request(FrameKind.hello, helloPayload(offer), address.helloMs));
    const isOffered = greeting.version >= offer.oldest && greeting.version <= offer.newest;
    if (greeting.magic !== protocol.magic || !isOffered || greeting.sandboxId !== sandboxId) {
      throw new CribError(
        "data-loss",
        `${JSON.stringify(path)} is answered by the monitor of sandbox ${JSON.stringify(greeting.sandboxId)}`,
      );
    }
    client = new MonitorClient(greeting, connection, address);
    return client;
  } catch (error) {
    connection.close();
    throw error;
  }
}
