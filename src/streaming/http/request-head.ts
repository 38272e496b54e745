/** An HTTP/1.1 request up to its body; header names are in lower case. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

export type HeadResult =
  | { readonly kind: "incomplete" }
  | { readonly kind: "complete"; readonly head: RequestHead; readonly rest: Uint8Array }
  | { readonly kind: "refused"; readonly status: 400 | 414 | 431 | 505; readonly reason: string };

const maxRequestLineBytes = 8 * 1024;
/** A kubelet passes on what its client sent, a bearer token included. */
const maxHeadBytes = 64 * 1024;
const maxHeaders = 128;

const incomplete: HeadResult = { kind: "incomplete" };
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Field values: visible ASCII, blanks between, and the bytes above it that RFC 9110 section 5.5 calls opaque. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;
/** `origin-form` of RFC 9112 section 3.2.1: the only one a server that is no proxy need know. */
const originForm = /^\/[\x21-\x7e]*$/;

/**
 * Reads a request's head as strictly as RFC 9112 allows a server to: CRLF alone ends a line, nothing is folded, nothing is
 * repaired. What two parsers could read differently is refused by this one.
 */
export class RequestHeadReader {
  #text = "";

  push(bytes: Uint8Array): HeadResult {
    const before = this.#text.length;
    // One more than allowed tells that it was too much; the rest of a large first read is not looked at.
    const taken = bytes.subarray(0, maxHeadBytes + 1 - before);
    this.#text += Buffer.from(taken.buffer, taken.byteOffset, taken.byteLength).toString("latin1");
    const end = this.#text.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end >= 0) return parseHead(this.#text.slice(0, end), bytes.subarray(end + 4 - before));
    const line = this.#text.indexOf("\r\n");
    if (line < 0 && this.#text.length > maxRequestLineBytes) return refused(414, "request line too long");
    if (this.#text.length > maxHeadBytes) return refused(431, "request head too large");
    return incomplete;
  }
}

function parseHead(text: string, rest: Uint8Array): HeadResult {
  const lines = text.split("\r\n");
  const requestLine = lines.shift() ?? "";
  if (requestLine.length > maxRequestLineBytes) return refused(414, "request line too long");
  if (lines.length > maxHeaders) return refused(431, "too many header fields");
  const [method = "", target = "", version = "", extra] = requestLine.split(" ");
  if (extra !== undefined || !token.test(method) || !originForm.test(target)) return refused(400, "bad request line");
  if (version !== "HTTP/1.1") {
    return /^HTTP\/\d\.\d$/.test(version) ? refused(505, "HTTP/1.1 only") : refused(400, "bad request line");
  }
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!token.test(name) || !fieldValue.test(line)) return refused(400, "bad header field");
    const value = trimBlanks(line.slice(colon + 1));
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [value]);
    else values.push(value);
  }
  return { kind: "complete", head: { method, target, headers }, rest };
}

/** Without a regular expression: `/[ \t]+$/` takes quadratic time over a line of blanks. */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function refused(status: 400 | 414 | 431 | 505, reason: string): HeadResult {
  return { kind: "refused", status, reason };
}
