import type { PodStreams } from "../pods/streams.ts";
import { listHeader } from "./http/header-values.ts";
import type { RequestHead } from "./http/request-head.ts";
import { type Refusal, switchingProtocolsBytes } from "./http/responses.ts";
import type { PortForwardHost } from "./session/port-forward-host.ts";
import type { RemoteClient } from "./session/remote-client.ts";
import { RemoteCommandSession, type SessionHost } from "./session/remote-command-session.ts";
import { tunnelCarrier, wireCarrier } from "./session/spdy-carriers.ts";
import { SpdyClient, type SpdyRemoteCommandProtocol, spdyRemoteCommandProtocols } from "./session/spdy-client.ts";
import { SpdyPortForward, spdyPortForwardProtocol } from "./session/spdy-port-forward.ts";
import { WebSocketClient } from "./session/websocket-client.ts";
import { WebSocketPortForward } from "./session/websocket-port-forward.ts";
import type { ContainerAttachRequest, ExecRequest, PortForwardRequest, StreamRequest } from "./stream-request.ts";
import { type Handshake, shakeHands } from "./websocket/handshake.ts";
import { portForwardProtocols, remoteCommandProtocols, tunnelledPortForward } from "./websocket/subprotocols.ts";
import type { Wire } from "./wire.ts";

/** What a client's request becomes: the 101 that is sent first, then the session. Or why not. */
export type Upgrade =
  | { readonly answer: Uint8Array; readonly start: (wire: Wire) => void }
  | { readonly refusal: Refusal };

interface UpgradeHost extends SessionHost {
  readonly pods: PodStreams;
}

/** Agrees with the client on a subprotocol for what its token stands for. */
export function negotiate(
  head: RequestHead,
  upgrade: "websocket" | "spdy",
  request: StreamRequest,
  host: UpgradeHost,
): Upgrade {
  if (request.kind === "portforward") {
    return upgrade === "websocket"
      ? portForwardOverWebSocket(head, request, host)
      : portForwardOverSpdy(head, request, host);
  }
  return upgrade === "websocket" ? commandOverWebSocket(head, request, host) : commandOverSpdy(head, request, host);
}

function commandOverWebSocket(
  head: RequestHead,
  request: ExecRequest | ContainerAttachRequest,
  host: UpgradeHost,
): Upgrade {
  const hands = shakeHands(head, remoteCommandProtocols.keys());
  if ("refusal" in hands) return hands;
  const protocol = chosen(remoteCommandProtocols, hands);
  return {
    answer: hands.answer,
    start: (wire) =>
      void new WebSocketClient({
        wire,
        protocol,
        sleep: (ms, signal) => host.clock.sleep(ms, signal),
        greet: request.stdout ? "stdout" : request.stderr ? "stderr" : "error",
        startSession: (client) => startCommand(request, client, host),
      }),
  };
}

function commandOverSpdy(head: RequestHead, request: ExecRequest | ContainerAttachRequest, host: UpgradeHost): Upgrade {
  const hands = negotiateSpdy<SpdyRemoteCommandProtocol>(head, spdyRemoteCommandProtocols);
  if ("refusal" in hands) return hands;
  return {
    answer: hands.answer,
    start: (wire) =>
      void new SpdyClient({
        carrier: wireCarrier(wire),
        protocol: hands.protocol,
        wants: request,
        clock: host.clock,
        startSession: (client) => startCommand(request, client, host),
      }),
  };
}

function portForwardOverWebSocket(head: RequestHead, request: PortForwardRequest, host: UpgradeHost): Upgrade {
  const hands = shakeHands(head, [tunnelledPortForward, ...portForwardProtocols.keys()]);
  if ("refusal" in hands) return hands;
  if (hands.protocol === tunnelledPortForward) {
    const carrier = (wire: Wire) => tunnelCarrier(wire, (ms, signal) => host.clock.sleep(ms, signal));
    return {
      answer: hands.answer,
      start: (wire) => void new SpdyPortForward(carrier(wire), portForwardHost(request, host)),
    };
  }
  if (request.ports.length === 0) return { refusal: { status: 400, reason: "the request named no port" } };
  const protocol = chosen(portForwardProtocols, hands);
  return {
    answer: hands.answer,
    start: (wire) => void new WebSocketPortForward(wire, protocol, request.ports, portForwardHost(request, host)),
  };
}

function portForwardOverSpdy(head: RequestHead, request: PortForwardRequest, host: UpgradeHost): Upgrade {
  const hands = negotiateSpdy(head, [spdyPortForwardProtocol]);
  if ("refusal" in hands) return hands;
  return {
    answer: hands.answer,
    start: (wire) => void new SpdyPortForward(wireCarrier(wire), portForwardHost(request, host)),
  };
}

function startCommand(request: ExecRequest | ContainerAttachRequest, client: RemoteClient, host: UpgradeHost) {
  const open = async () => (request.kind === "exec" ? host.pods.exec(request) : host.pods.attach(request));
  return new RemoteCommandSession(request, open, client, host);
}

function portForwardHost(request: PortForwardRequest, host: UpgradeHost): PortForwardHost {
  const { clock, log, idleTimeoutMs, pods } = host;
  return { clock, log, idleTimeoutMs, connect: async (port) => pods.connectPort(request.sandboxId, port) };
}

function chosen<T>(protocols: ReadonlyMap<string, T>, { protocol }: Handshake): T {
  const found = protocols.get(protocol);
  if (found === undefined) throw new RangeError(`subprotocol ${protocol} was not offered`);
  return found;
}

/** `X-Stream-Protocol-Version`, a list in the client's order; the answer has the one. */
function negotiateSpdy<Protocol extends string>(
  head: RequestHead,
  supported: readonly Protocol[],
): { readonly protocol: Protocol; readonly answer: Uint8Array } | { readonly refusal: Refusal } {
  const wanted = listHeader(head, "x-stream-protocol-version");
  if (wanted.length === 0) return { refusal: { status: 400, reason: "X-Stream-Protocol-Version is missing" } };
  for (const name of wanted) {
    const protocol = supported.find((known) => known === name);
    if (protocol !== undefined) {
      return { protocol, answer: switchingProtocolsBytes("SPDY/3.1", [["X-Stream-Protocol-Version", protocol]]) };
    }
  }
  const headers = supported.map((name) => ["X-Accepted-Stream-Protocol-Versions", name] as const);
  return {
    refusal: { status: 403, reason: `no stream protocol in common; there are ${supported.join(", ")}`, headers },
  };
}
