import { isIP } from "node:net";
import type { StreamRequest } from "../stream-request.ts";
import { listHeader, singleHeader } from "./header-values.ts";
import type { RequestHead } from "./request-head.ts";
import type { Refusal } from "./responses.ts";

/** A request that may be one of ours: what it asks for, with what token, and in which protocol it wants to go on. */
export interface CheckedRequest {
  readonly kind: StreamRequest["kind"];
  readonly token: string;
  readonly upgrade: "websocket" | "spdy";
}

const path = /^\/(exec|attach|portforward)\/([A-Za-z0-9_-]{22})(?:\?.*)?$/;

/**
 * Everything about a request that can be judged without its token: so an answer tells a stranger nothing about tokens.
 *
 * @param host the address that is listened on, as it stands in our URLs.
 */
export function checkRequest(head: RequestHead, host: string): CheckedRequest | { readonly refusal: Refusal } {
  const matched = path.exec(head.target);
  if (matched === null) return refuse(404, "not found");
  if (head.method !== "GET" && head.method !== "POST") {
    return refuse(405, "method not allowed", [["Allow", "GET, POST"]]);
  }
  if (carriesBody(head)) return refuse(400, "a request for a stream has no body");
  const stranger = checkSender(head, host);
  if (stranger !== undefined) return { refusal: stranger };
  const upgrade = requestedUpgrade(head);
  if (upgrade === undefined) {
    return refuse(426, "upgrade to websocket or SPDY/3.1 required", [["Upgrade", "websocket, SPDY/3.1"]]);
  }
  // RFC 6455 section 4.1: the opening handshake is a GET.
  if (upgrade === "websocket" && head.method !== "GET") return refuse(405, "method not allowed", [["Allow", "GET"]]);
  const [, kind, token] = matched as unknown as [string, StreamRequest["kind"], string];
  return { kind, token, upgrade };
}

function carriesBody(head: RequestHead): boolean {
  const lengths = head.headers.get("content-length") ?? [];
  return head.headers.has("transfer-encoding") || lengths.some((value) => value !== "0");
}

/**
 * Keeps browsers of this host away, should a token ever leak to one: a page sends an Origin, and a rebound name as Host.
 *
 * A kubelet passes on a web console's Origin, and the Host it was itself reached by; but it always adds X-Forwarded-For,
 * which no page can add to a WebSocket, nor to anything else without asking by an OPTIONS that is refused here.
 */
function checkSender(head: RequestHead, host: string): Refusal | undefined {
  const name = singleHeader(head, "host");
  if (name === undefined) return { status: 400, reason: "one Host header is required" };
  if (head.headers.has("x-forwarded-for")) return undefined;
  if (head.headers.has("origin")) return { status: 403, reason: "not for browsers" };
  const bare = name.replace(/:\d{1,5}$/, "");
  const address = bare.startsWith("[") && bare.endsWith("]") ? bare.slice(1, -1) : bare;
  if (isIP(address) !== 0 || address === "localhost" || address === host) return undefined;
  return { status: 403, reason: "not this server's name" };
}

function requestedUpgrade(head: RequestHead): CheckedRequest["upgrade"] | undefined {
  if (!listHeader(head, "connection").some((option) => option.toLowerCase() === "upgrade")) return undefined;
  const protocols = listHeader(head, "upgrade").map((protocol) => protocol.toLowerCase());
  if (protocols.includes("websocket")) return "websocket";
  return protocols.includes("spdy/3.1") ? "spdy" : undefined;
}

function refuse(
  status: Refusal["status"],
  reason: string,
  headers: Refusal["headers"] = [],
): { readonly refusal: Refusal } {
  return { refusal: { status, reason, headers } };
}
