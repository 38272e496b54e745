import { rootCertificates } from "node:tls";
import { CribError, unavailable } from "../../errors/crib-error.ts";
import type { Fd } from "../../ids/process.ts";
import type { LayerProcesses } from "../../layers/native/layer-processes.ts";
import type { Clock } from "../../observe/clock.ts";
import { contentEncoding, decodePieces } from "./content-encoding.ts";
import { type DirectAnswer, getDirectly, type WrappedAnswer } from "./direct-get.ts";
import { followRedirect, maxRedirects, redirectTarget } from "./follow-redirect.ts";
import type { RegistryEndpoint } from "./hosts/registry-endpoint.ts";
import { transportWords } from "./transport-words.ts";

/**
 * Slower than the slowest link that anybody pulls images over. A server that drips bytes to keep its clients waiting (or a broken one)
 * would otherwise hold a pull, and a slot of it, for weeks.
 */
const minBytesPerSecond = 1024;

/** Answers of one endpoint: where it really came from decides what may be sent there next. */
export interface EndpointReply {
  readonly response: Response;
  /** Who answered: the endpoint, or a server it redirected to. */
  readonly origin: string;
}

/**
 * HTTP to one endpoint: its TLS, its headers, a bound on silence, and redirects followed by hand, because what is secret
 * (Authorization, configured headers) stops at the endpoint's own origin.
 */
export class EndpointHttp {
  readonly #endpoint: RegistryEndpoint;
  readonly #silenceMs: number;
  readonly #clock: Clock;
  readonly #processes: LayerProcesses | undefined;
  #dialled = false;

  /** @param silenceMs longest wait for an answer or for the next bytes of one, and the time over which its rate is judged. */
  constructor(endpoint: RegistryEndpoint, silenceMs: number, clock: Clock, processes: LayerProcesses | undefined) {
    this.#endpoint = endpoint;
    this.#silenceMs = silenceMs;
    this.#clock = clock;
    this.#processes = processes;
  }

  /**
   * GETs `url` of the endpoint. Its configured headers go to its own origin (scheme, host and port) only, and to each origin what
   * `authorizationFor` has for it.
   * @throws {CribError} unavailable, cancelled; failed-precondition for a redirect that is refused.
   */
  async get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    authorizationFor: (origin: string) => string | undefined,
    signal: AbortSignal,
  ): Promise<EndpointReply> {
    await this.#dial(signal);
    let at = url;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const own = at.origin === this.#endpoint.origin;
      const sent = this.#headers(own, headers, authorizationFor(at.origin));
      const response = await this.#fetch(new Request(at.href, { headers: sent }), own, signal);
      const location = redirectTarget(response);
      if (location === undefined) return { response, origin: at.origin };
      await response.body?.cancel();
      at = followRedirect(this.#endpoint.origin, at, location);
    }
    throw unavailable(`registry ${this.#endpoint.origin} redirects more than ${maxRedirects} times`);
  }

  /**
   * GETs `url` of the endpoint so that its body goes to `file`.
   * @returns undefined where that cannot be: `get` says what there is instead.
   * @throws {CribError} unavailable, cancelled.
   */
  async getDirectly(
    url: URL,
    headers: Readonly<Record<string, string>>,
    authorization: string | undefined,
    file: Fd,
    signal: AbortSignal,
  ): Promise<DirectAnswer | WrappedAnswer | undefined> {
    if (this.#processes === undefined || url.protocol !== "http:") return undefined;
    const request = {
      url,
      headers: this.#headers(true, headers, authorization),
      file,
      server: `registry ${this.#endpoint.origin}`,
      connectMs: this.#endpoint.dialTimeoutMs ?? this.#silenceMs,
      silenceMs: this.#silenceMs,
      minBytesPerSecond,
    };
    return await getDirectly(this.#processes, request, signal);
  }

  /** A request to a server the endpoint named: its private authorities are trusted there, nothing else is shared. */
  async requestElsewhere(request: Request, signal: AbortSignal): Promise<Response> {
    return await this.#fetch(request, new URL(request.url).origin === this.#endpoint.origin, signal);
  }

  /** The body piece by piece, unwrapped if the server wrapped it. @throws {CribError} as `rawPieces`; data-loss when damaged. */
  pieces(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const encoding = contentEncoding(response);
    const raw = this.rawPieces(response, signal);
    return encoding === undefined ? raw : decodePieces(raw, encoding);
  }

  /**
   * The body as it comes; a silence over the bound ends it, and so does dripping. Only time spent waiting for the server counts.
   * @throws {CribError} unavailable, cancelled.
   */
  async *rawPieces(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (response.body === null) return;
    const reader = response.body.getReader();
    let [bytes, waitedMs] = [0, 0];
    try {
      while (true) {
        const began = this.#clock.monotonicMs();
        const { value, done } = await this.#bounded((within) => raceAbort(reader.read(), within), signal);
        if (done) return;
        bytes += value.length;
        waitedMs += this.#clock.monotonicMs() - began;
        if (waitedMs >= this.#silenceMs) {
          if (bytes * 1000 < minBytesPerSecond * waitedMs)
            throw unavailable(
              `registry ${this.#endpoint.origin} sent ${bytes} bytes in ${Math.round(waitedMs)} ms, less than ${minBytesPerSecond} a second`,
            );
          [bytes, waitedMs] = [0, 0];
        }
        yield value;
      }
    } finally {
      // Ends the connection when the consumer stopped early; the consumer knows why.
      await reader.cancel().catch(() => undefined);
    }
  }

  /** The whole body. @throws {CribError} data-loss when it is longer than `maxBytes`, whatever Content-Length said. */
  async readBody(response: Response, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const piece of this.pieces(response, signal)) {
      length += piece.length;
      if (length > maxBytes)
        throw new CribError(
          "data-loss",
          `registry ${this.#endpoint.origin} sent more than ${maxBytes} bytes where less was due`,
        );
      parts.push(piece);
    }
    return new Uint8Array(Buffer.concat(parts));
  }

  /** @param own whether they go to the endpoint itself: no other host gets what is configured for it. */
  #headers(own: boolean, headers: Readonly<Record<string, string>>, authorization: string | undefined): Headers {
    const sent = new Headers(own ? this.#endpoint.headers.map(([name, value]) => [name, value]) : []);
    for (const [name, value] of Object.entries(headers)) sent.set(name, value);
    if (authorization !== undefined) sent.set("authorization", authorization);
    // Compressed transfer would hide the very bytes a digest is about.
    sent.set("accept-encoding", "identity");
    return sent;
  }

  async #fetch(request: Request, own: boolean, signal: AbortSignal): Promise<Response> {
    const { ca, certificate, skipVerify } = this.#endpoint.tls;
    const tls = {
      ...(ca.length > 0 ? { ca: [...rootCertificates, ...ca] } : {}),
      ...(own && certificate !== undefined ? { cert: certificate.cert, key: certificate.key } : {}),
      ...(own && skipVerify ? { rejectUnauthorized: false } : {}),
    };
    return await this.#bounded(
      (within) => fetch(request, { redirect: "manual", decompress: false, signal: within, tls }),
      signal,
    );
  }

  /** Runs one step of a conversation and names what went wrong with it. */
  async #bounded<T>(step: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), this.#silenceMs);
    try {
      return await step(AbortSignal.any([signal, silence.signal]));
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (silence.signal.aborted)
        throw unavailable(`registry ${this.#endpoint.origin} was silent for ${this.#silenceMs} ms`, error);
      throw error instanceof CribError
        ? error
        : unavailable(`registry ${this.#endpoint.origin}: ${transportWords(error)}`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** `dial_timeout` bounds connecting alone, which fetch cannot: a connection is tried and closed once. */
  async #dial(signal: AbortSignal): Promise<void> {
    const timeoutMs = this.#endpoint.dialTimeoutMs;
    if (this.#dialled || timeoutMs === undefined) return;
    const { hostname, port, protocol } = new URL(this.#endpoint.origin);
    const connecting = Bun.connect({
      hostname: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
      socket: { data: () => undefined },
    });
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const socket = await raceAbort(connecting, AbortSignal.any([signal, timeout]));
      socket.end();
      this.#dialled = true;
    } catch (error) {
      connecting.then(
        (socket) => socket.end(),
        () => undefined,
      );
      if (signal.aborted) throw signal.reason;
      if (timeout.aborted)
        throw unavailable(
          `registry ${this.#endpoint.origin} did not accept a connection within ${timeoutMs} ms`,
          error,
        );
      throw unavailable(`registry ${this.#endpoint.origin}: ${transportWords(error)}`, error);
    }
  }
}

async function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
