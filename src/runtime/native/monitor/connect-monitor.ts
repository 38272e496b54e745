import { MonitorClient } from "./client.ts";
import { MonitorConnection } from "./connection.ts";
import type { MonitorAddress } from "./monitor-address.ts";
import type { Monitor } from "./port.ts";
import { type VersionRange, withCommonVersion } from "./protocol-version.ts";
import { sayHello } from "./say-hello.ts";

/**
 * Connects to the sandbox's monitor and makes sure that it is that one.
 *
 * @throws {CribError} unavailable when nobody answers in time, data-loss when somebody else does; {MonitorProtocolError}
 * when the monitor lives and speaks no version of the protocol that we do.
 */
export async function connectMonitor(address: MonitorAddress, helloMs: number): Promise<Monitor> {
  return await withCommonVersion(address.name, (offer) => connectOffering(offer, address, helloMs));
}

async function connectOffering(offer: VersionRange, address: MonitorAddress, helloMs: number): Promise<Monitor> {
  // Events that overtake the greeting's promise have no listener yet: a caller that reconnects asks for the list afterwards.
  let client: MonitorClient | undefined;
  const connection = await MonitorConnection.open(address, {
    output: (id, stream, bytes) => client?.takeOutput(id, stream, bytes),
    event: (frame) => client?.takeEvent(frame),
  });
  try {
    const greeting = await sayHello(connection, address.sandboxId, offer, helloMs);
    client = new MonitorClient(greeting, connection, address);
    return client;
  } catch (error) {
    connection.close();
    throw error;
  }
}
