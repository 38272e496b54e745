import { rootCertificates } from "node:tls";
import { CribError, unavailable } from "../../errors/crib-error.ts";
import type { RegistryEndpoint } from "./registry-endpoint.ts";

const maxRedirects = 5;

/** Answers of one endpoint: where it really came from decides what may be sent there next. */
export interface EndpointReply {
  readonly response: Response;
  /** Whether the endpoint itself answered, not a server it redirected to. */
  readonly fromEndpoint: boolean;
}

/**
 * HTTP to one endpoint: its TLS, its headers, a bound on silence, and redirects followed by hand, because what is secret
 * (Authorization, configured headers) stops at the endpoint's own origin.
 */
export class EndpointHttp {
  readonly #endpoint: RegistryEndpoint;
  readonly #silenceMs: number;
  #dialled = false;

  /** @param silenceMs longest wait for an answer or for the next bytes of one. */
  constructor(endpoint: RegistryEndpoint, silenceMs: number) {
    this.#endpoint = endpoint;
    this.#silenceMs = silenceMs;
  }

  /** GETs `url` of the endpoint, sending `secrets` to its own origin only. @throws {CribError} unavailable, cancelled. */
  async get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    secrets: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<EndpointReply> {
    await this.#dial(signal);
    let at = url;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const own = at.origin === this.#endpoint.origin;
      const sent = new Headers(own ? this.#endpoint.headers.map(([name, value]) => [name, value]) : []);
      for (const [name, value] of Object.entries({ ...headers, ...(own ? secrets : {}) })) sent.set(name, value);
      // Compressed transfer would hide the very bytes a digest is about.
      sent.set("accept-encoding", "identity");
      const response = await this.#fetch(new Request(at.href, { headers: sent }), own, signal);
      const location = redirectTarget(response);
      if (location === undefined) return { response, fromEndpoint: own };
      await response.body?.cancel();
      at = this.#follow(at, location);
    }
    throw unavailable(`registry ${this.#endpoint.origin} redirects more than ${maxRedirects} times`);
  }

  /** A request to a server the endpoint named: its private authorities are trusted there, nothing else is shared. */
  async requestElsewhere(request: Request, signal: AbortSignal): Promise<Response> {
    return await this.#fetch(request, new URL(request.url).origin === this.#endpoint.origin, signal);
  }

  /** The body piece by piece; a silence over the bound ends it. @throws {CribError} unavailable, cancelled. */
  async *pieces(response: Response, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (response.body === null) return;
    const reader = response.body.getReader();
    try {
      while (true) {
        const { value, done } = await this.#bounded((within) => raceAbort(reader.read(), within), signal);
        if (done) return;
        yield value;
      }
    } finally {
      // Ends the connection when the consumer stopped early; whoever stopped knows why.
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
        : unavailable(`registry ${this.#endpoint.origin}: ${describe(error)}`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #follow(from: URL, location: string): URL {
    if (!URL.canParse(location, from.href))
      throw unavailable(`registry ${this.#endpoint.origin} redirects to a malformed address`);
    const to = new URL(location, from);
    if (to.protocol !== "https:" && !(to.protocol === "http:" && from.protocol === "http:")) {
      throw unavailable(`registry ${this.#endpoint.origin} redirects from ${from.protocol}// to ${to.protocol}//`);
    }
    return to;
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
      throw unavailable(`registry ${this.#endpoint.origin}: ${describe(error)}`, error);
    }
  }
}

function redirectTarget(response: Response): string | undefined {
  const redirects = [301, 302, 303, 307, 308].includes(response.status);
  return redirects ? (response.headers.get("location") ?? undefined) : undefined;
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

const hints: Readonly<Record<string, string>> = {
  ConnectionRefused: "connection refused",
  ECONNREFUSED: "connection refused",
  FailedToOpenSocket: "cannot connect",
  ECONNRESET: "connection reset",
  ENOTFOUND: "host name does not resolve",
  DNSLookupFailed: "host name does not resolve",
  DEPTH_ZERO_SELF_SIGNED_CERT: "self-signed certificate; name its authority as ca in hosts.toml",
  SELF_SIGNED_CERT_IN_CHAIN: "certificate of an unknown authority; name it as ca in hosts.toml",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "certificate of an unknown authority; name it as ca in hosts.toml",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "certificate of an unknown authority; name it as ca in hosts.toml",
};

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return hints[code] ?? (error.message || code);
}
