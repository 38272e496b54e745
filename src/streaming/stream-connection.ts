import type { Clock } from "../observe/clock.ts";
import { type CheckedRequest, checkRequest } from "./http/check-request.ts";
import { type RequestHead, RequestHeadReader } from "./http/request-head.ts";
import { type Refusal, refusalBytes } from "./http/responses.ts";
import type { Upgrade } from "./stream-upgrade.ts";
import type { Wire } from "./wire.ts";

/** From the first byte to the end of the head. A client of ours has it all in its first packet. */
const headTimeoutMs = 10_000;

interface ConnectionHost {
  readonly clock: Pick<Clock, "sleep">;
  /** The address listened on. */
  readonly host: string;
  /** Spends the token and agrees on a protocol. */
  upgrade(head: RequestHead, request: CheckedRequest): Upgrade;
  /** The head is read: the connection no longer counts among those that have said nothing. */
  onHead(): void;
}

/** One connection from its first byte to its upgrade or refusal. It carries one request, whatever else is sent behind it. */
export function serveConnection(wire: Wire, host: ConnectionHost): void {
  const reader = new RequestHeadReader();
  const patience = new AbortController();
  const refuse = (refusal: Refusal) => {
    wire.send(refusalBytes(refusal));
    wire.finish();
  };
  const settle = () => {
    patience.abort();
    host.onHead();
  };

  wire.handle({
    onData(bytes) {
      const result = reader.push(bytes);
      if (result.kind === "incomplete") return;
      settle();
      if (result.kind === "refused") {
        refuse(result);
        return;
      }
      const checked = checkRequest(result.head, host.host);
      const upgrade = "refusal" in checked ? checked : host.upgrade(result.head, checked);
      if ("refusal" in upgrade) {
        refuse(upgrade.refusal);
        return;
      }
      wire.send(upgrade.answer);
      upgrade.start(wire);
      if (result.rest.length > 0) wire.received(result.rest);
    },
    onDrain: () => undefined,
    onGone: settle,
  });

  void host.clock.sleep(headTimeoutMs, patience.signal).then((passed) => {
    if (!passed) return;
    host.onHead();
    refuse({ status: 408, reason: "no request came" });
  });
}
