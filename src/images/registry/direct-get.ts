import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { unavailable } from "../../errors/crib-error.ts";
import type { Fd } from "../../ids/process.ts";
import type { BlobReceiver } from "../../layers/native/blob-receiver.ts";
import type { LayerProcesses } from "../../layers/native/layer-processes.ts";
import { transportWords } from "./transport-words.ts";

/** An answer whose body goes from the connection to a file, by a process of its own. */
export interface DirectAnswer {
  /** Status and headers; there is no body in it. */
  readonly response: Response;
  readonly bodyBytes: number;
  readonly receiver: BlobReceiver;
}

export interface DirectRequest {
  readonly url: URL;
  readonly headers: Headers;
  readonly file: Fd;
  readonly server: string;
  readonly connectMs: number;
  readonly silenceMs: number;
  readonly minBytesPerSecond: number;
}

const maxLengthDigits = 15;

/** A 200 or 206 whose body is wrapped, or of a length that is not said: only the general way reads that. */
export type WrappedAnswer = "wrapped";

/**
 * GETs over plain HTTP what a process of its own then receives: the bytes of a blob never come into this one. (Those of a TLS
 * connection must: its keys are in here.)
 *
 * @returns undefined for any answer that is no body at all: ask again in the general way.
 * @throws {CribError} unavailable for a server that is not reached or says nothing.
 */
export async function getDirectly(
  processes: LayerProcesses,
  { url, headers, file, server, connectMs, silenceMs, minBytesPerSecond }: DirectRequest,
  signal: AbortSignal,
): Promise<DirectAnswer | WrappedAnswer | undefined> {
  signal.throwIfAborted();
  const addresses = await resolve(url, server);
  const port = url.port === "" ? 80 : Number(url.port);
  const ask = requestBytes(url, headers);
  const request = { addresses, port, ask, connectMs, silenceMs, minBytesPerSecond, file, server };
  const receiver = await processes.ask(request, signal);
  const response = parseHead(receiver.head);
  const bodyBytes = response === undefined ? undefined : statedBytes(response);
  if (response !== undefined && bodyBytes !== undefined) return { response, bodyBytes, receiver };
  await receiver.end();
  return response === undefined ? undefined : "wrapped";
}

async function resolve({ hostname }: URL, server: string): Promise<readonly string[]> {
  const host = hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) return [host];
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw unavailable(`${server}: ${transportWords(error)}`, error);
  }
}

/** `Headers` lets no line break into a value, and `URL` none into a path. */
function requestBytes(url: URL, headers: Headers): Uint8Array {
  const own = [`GET ${url.pathname}${url.search} HTTP/1.1`, `host: ${url.host}`, "connection: close"];
  const others = [...headers].filter(([name]) => name !== "host" && name !== "connection");
  return Buffer.from([...own, ...others.map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n"), "latin1");
}

/** @returns undefined for what is not HTTP, or no answer with a body. */
export function parseHead(head: string): Response | undefined {
  const [statusLine = "", ...lines] = head.split("\r\n");
  const status = /^HTTP\/1\.[01] (20[06])(?: |$)/.exec(statusLine)?.[1];
  if (status === undefined) return undefined;
  const headers = new Headers();
  for (const line of lines) {
    if (line === "") break;
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    headers.append(name, value);
  }
  return new Response(null, { status: Number(status), headers });
}

/** Bytes of a body that is nothing but its own bytes (RFC 9112 section 6.3), and all of them. */
function statedBytes({ headers }: Response): number | undefined {
  const wrapped = headers.has("transfer-encoding") || !["", "identity"].includes(headers.get("content-encoding") ?? "");
  const stated = headers.get("content-length") ?? "";
  return wrapped || stated.length > maxLengthDigits || !/^[0-9]+$/.test(stated) ? undefined : Number(stated);
}
