import { CribError } from "../../errors/crib-error.ts";
import type { Fd } from "../../ids/process.ts";
import { plainDocument } from "../../json/foreign-json.ts";
import { parseForeignObject } from "../../json/foreign-object.ts";
import type { LayerProcesses } from "../../layers/native/layer-processes.ts";
import type { Clock } from "../../observe/clock.ts";
import { parseChallenges } from "./credentials/auth-challenge.ts";
import { RegistryAuth } from "./credentials/registry-auth.ts";
import type { RegistrySecret } from "./credentials/registry-secret.ts";
import type { DirectAnswer, WrappedAnswer } from "./direct-get.ts";
import { EndpointHttp } from "./endpoint-http.ts";
import type { RegistryEndpoint } from "./hosts/registry-endpoint.ts";

const maxErrorBytes = 64 * 1024;
const maxTries = 4;
/** What servers say to a range that they do not give: only the whole, then. */
const rangeRefused: ReadonlySet<number> = new Set([400, 416, 501]);
const firstPauseMs = 250;
const maxPauseMs = 30_000;

export interface RepositoryTarget {
  readonly endpoint: RegistryEndpoint;
  /** Below the endpoint's API path: `library/busybox`. */
  readonly repository: string;
  /** The registry the reference names; mirrors are told it as `ns`. */
  readonly domain: string;
  readonly secret: RegistrySecret | undefined;
}

/** One repository at one endpoint: authentication, patience with busy servers, errors told apart. */
export class RepositoryClient {
  readonly target: RepositoryTarget;
  readonly http: EndpointHttp;
  readonly #auth: RegistryAuth;
  readonly #clock: Clock;
  /** Of servers that the endpoint redirected to and that asked who is there: anonymous, for its credentials are not theirs. */
  readonly #elsewhere = new Map<string, RegistryAuth>();

  /** @param processes what receives blobs over plain HTTP; undefined where this process does that itself. */
  constructor(target: RepositoryTarget, silenceMs: number, clock: Clock, processes?: LayerProcesses) {
    this.target = target;
    this.http = new EndpointHttp(target.endpoint, silenceMs, clock, processes);
    this.#auth = new RegistryAuth(target.endpoint, this.http, target.secret, target.repository);
    this.#clock = clock;
  }

  /**
   * GETs `<api>/<repository>/<path>`: 401 is answered once a server, 429 and 5xx are asked again after the pause the server names.
   * A refusal of the range that `headers` asks for is an answer.
   *
   * @param path `manifests/<tag or digest>` or `blobs/<digest>`, from parsed values only.
   * @throws {CribError} not-found, unauthenticated, permission-denied, unavailable.
   */
  async get(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    const answered = new Set<string>();
    for (let tries = 1; ; tries++) {
      const authorizationFor = (origin: string): string | undefined => this.#authAt(origin)?.authorization;
      const { response, origin } = await this.http.get(this.#url(path), headers, authorizationFor, signal);
      if (response.ok || (headers["range"] !== undefined && rangeRefused.has(response.status))) return response;
      if (response.status === 401 && !answered.has(origin)) {
        answered.add(origin);
        await response.body?.cancel();
        const challenges = parseChallenges(response.headers.get("www-authenticate") ?? "");
        const auth = this.#authAt(origin) ?? this.#meet(origin);
        if (await auth.answer(challenges, signal)) continue;
        throw this.#refusal(401, "");
      }
      const busy = response.status === 429 || (response.status >= 500 && response.status !== 501);
      const text = await this.#errorText(response, signal);
      if (!busy || tries === maxTries) throw this.#refusal(response.status, text);
      await this.#clock.sleep(pauseMs(response, tries, this.#clock), signal);
    }
  }

  /** As `get`, with the body going to `file`; undefined where that cannot be, and for every answer that is not the body. */
  async getDirectly(
    path: string,
    headers: Readonly<Record<string, string>>,
    file: Fd,
    signal: AbortSignal,
  ): Promise<DirectAnswer | WrappedAnswer | undefined> {
    return await this.http.getDirectly(this.#url(path), headers, this.#auth.authorization, file, signal);
  }

  #authAt(origin: string): RegistryAuth | undefined {
    return origin === this.target.endpoint.origin ? this.#auth : this.#elsewhere.get(origin);
  }

  #meet(origin: string): RegistryAuth {
    const auth = new RegistryAuth({ ...this.target.endpoint, origin }, this.http, undefined, this.target.repository);
    this.#elsewhere.set(origin, auth);
    return auth;
  }

  #url(path: string): URL {
    const { endpoint, repository, domain } = this.target;
    const url = new URL(`${endpoint.origin}${endpoint.apiPath}/${repository}/${path}`);
    if (!endpoint.isUpstream) url.searchParams.set("ns", domain);
    return url;
  }

  async #errorText(response: Response, signal: AbortSignal): Promise<string> {
    try {
      return summarise(await this.http.readBody(response, maxErrorBytes, signal));
    } catch (error) {
      if (signal.aborted) throw error;
      return "";
    }
  }

  #refusal(status: number, detail: string): CribError {
    const who = `registry ${this.target.endpoint.origin}`;
    const tail = detail === "" ? "" : `: ${detail}`;
    const name = `${this.target.domain}/${this.target.repository}`;
    if (status === 404) return new CribError("not-found", `${who} has no such thing in ${name}${tail}`);
    if (status === 401) {
      const how =
        this.target.secret === undefined
          ? "needs credentials, or the repository does not exist"
          : "refused the credentials";
      return new CribError("unauthenticated", `${who} ${how} for ${name}${tail}`);
    }
    if (status === 403) return new CribError("permission-denied", `${who} denies access to ${name}${tail}`);
    return new CribError("unavailable", `${who} answered HTTP ${status} for ${name}${tail}`);
  }
}

/** Seconds or a date (RFC 9110 §10.2.3); else longer each time, and not all nodes at the same moment. */
function pauseMs(response: Response, tries: number, clock: Clock): number {
  const after = (response.headers.get("retry-after") ?? "").trim();
  const date = /^[0-9]{1,6}$/.test(after) ? Number.NaN : Date.parse(after);
  const untilDate = Number.isNaN(date) ? undefined : Math.max(0, date - Number(clock.now() / 1_000_000n));
  const stated = /^[0-9]{1,6}$/.test(after) ? Number(after) * 1000 : untilDate;
  const jitter = 0.75 + Math.random() / 2;
  return Math.min(maxPauseMs, stated ?? firstPauseMs * 2 ** (tries - 1) * jitter);
}

/** First `code: message` of a distribution-spec error document, on one line and short. */
function summarise(body: Uint8Array): string {
  try {
    const [first] = parseForeignObject(body, "error document", plainDocument).objects("errors");
    return [first?.text("code") ?? "", first?.text("message") ?? ""]
      .filter((part) => part !== "")
      .join(": ")
      .replace(/[^\x20-\x7e]+/g, " ")
      .slice(0, 200);
  } catch {
    // A proxy's HTML page says no more than the status does.
    return "";
  }
}
