import { CribError } from "../../../errors/crib-error.ts";
import type { SandboxId } from "../../../ids/object-id.ts";
import { FrameKind, protocol } from "../wire-numbers.ts";
import type { MonitorConnection } from "./connection.ts";
import type { VersionRange } from "./protocol-version.ts";
import { type Greeting, readGreeting } from "./replies.ts";
import { helloPayload } from "./requests.ts";

/**
 * What every connection to a monitor begins with. Requests may be sent before the greeting is there: the monitor reads in order.
 *
 * @throws {CribError} data-loss when it is not the sandbox's monitor that answers; what `request` throws.
 */
export async function sayHello(
  connection: MonitorConnection,
  sandboxId: SandboxId,
  offer: VersionRange,
  deadlineMs: number,
): Promise<Greeting> {
  const greeting = readGreeting(await connection.request(FrameKind.hello, helloPayload(offer), { deadlineMs }));
  const isOffered = greeting.version >= offer.oldest && greeting.version <= offer.newest;
  if (greeting.magic === protocol.magic && isOffered && greeting.sandboxId === sandboxId) return greeting;
  throw new CribError(
    "data-loss",
    `the monitor of sandbox ${JSON.stringify(greeting.sandboxId)} answers at the socket of sandbox ${sandboxId}`,
  );
}
