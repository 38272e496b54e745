const reasons = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  414: "URI Too Long",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
} as const;

export type RefusalStatus = keyof typeof reasons;

type Headers = readonly (readonly [name: string, value: string])[];

/** A refusal as a client is told it. The body is one line, for a person. */
export interface Refusal {
  readonly status: RefusalStatus;
  readonly reason: string;
  readonly headers?: Headers;
}

/** The whole answer; the connection ends behind it, whatever else the client has sent (CVE-2018-1002105 is why). */
export function refusalBytes({ status, reason, headers = [] }: Refusal): Uint8Array {
  const body = `${reason}\n`;
  const fields: Headers = [
    ...headers,
    ["Connection", "close"],
    ["Content-Type", "text/plain; charset=utf-8"],
    ["X-Content-Type-Options", "nosniff"],
    ["Content-Length", String(Buffer.byteLength(body))],
  ];
  return new TextEncoder().encode(`${head(`${status} ${reasons[status]}`, fields)}${body}`);
}

export function switchingProtocolsBytes(upgrade: string, headers: Headers): Uint8Array {
  return new TextEncoder().encode(
    head("101 Switching Protocols", [["Upgrade", upgrade], ["Connection", "Upgrade"], ...headers]),
  );
}

function head(status: string, fields: Headers): string {
  return `HTTP/1.1 ${status}\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
