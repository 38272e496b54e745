import { CribError } from "../../../errors/crib-error.ts";
import { plainDocument } from "../../../json/foreign-json.ts";
import { parseForeignObject } from "../../../json/foreign-object.ts";
import type { EndpointHttp } from "../endpoint-http.ts";
import { maxRedirects, redirectTarget } from "../follow-redirect.ts";
import { isNodeLocal } from "../hosts/local-address.ts";
import type { RegistryEndpoint } from "../hosts/registry-endpoint.ts";
import type { AuthChallenge } from "./auth-challenge.ts";
import type { RegistrySecret } from "./registry-secret.ts";

const maxTokenReplyBytes = plainDocument.maxBytes;

/**
 * Proves who is asking, to one endpoint about one repository: nothing is sent until the endpoint asks for it, and what
 * is sent then depends on how it asks (distribution-spec "token" and RFC 7617 basic).
 */
export class RegistryAuth {
  readonly #endpoint: RegistryEndpoint;
  readonly #http: EndpointHttp;
  readonly #secret: RegistrySecret | undefined;
  readonly #defaultScope: string;
  #authorization: string | undefined;

  /** @param repository as in the request paths, for registries that name no scope. */
  constructor(endpoint: RegistryEndpoint, http: EndpointHttp, secret: RegistrySecret | undefined, repository: string) {
    this.#endpoint = endpoint;
    this.#http = http;
    this.#secret = secret;
    this.#defaultScope = `repository:${repository}:pull`;
    if (secret?.kind === "registry-token") this.#authorization = `Bearer ${secret.token}`;
  }

  /** Value of the Authorization header, when there is one. */
  get authorization(): string | undefined {
    return this.#authorization;
  }

  /**
   * Answers a 401 of the endpoint itself. @returns whether asking again makes sense.
   * @throws {CribError} unauthenticated, permission-denied or unavailable when the token endpoint refuses or fails.
   */
  async answer(challenges: readonly AuthChallenge[], signal: AbortSignal): Promise<boolean> {
    const before = this.#authorization;
    const bearer = challenges.find((challenge) => challenge.scheme === "bearer");
    const basic = challenges.find((challenge) => challenge.scheme === "basic");
    if (bearer !== undefined && this.#secret?.kind !== "registry-token") {
      this.#authorization = `Bearer ${await this.#fetchToken(bearer, signal)}`;
    } else if (basic !== undefined && this.#secret?.kind === "password") {
      const pair = `${this.#secret.username}:${this.#secret.password}`;
      this.#authorization = `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
    }
    return this.#authorization !== before;
  }

  async #fetchToken(challenge: AuthChallenge, signal: AbortSignal): Promise<string> {
    const realm = this.#checkRealm(challenge.parameters.get("realm") ?? "");
    const service = challenge.parameters.get("service");
    const scope = this.#wantedScope(challenge.parameters.get("scope") ?? "");
    const asked = this.#tokenRequest(realm, service, scope);
    let reply = await this.#ask(asked, signal);
    // Endpoints that know OAuth2 alone say so to a GET (distribution-spec, "Token Authentication": POST).
    if (this.#secret?.kind === "password" && (reply.status === 404 || reply.status === 405)) {
      await reply.body?.cancel();
      const { username, password } = this.#secret;
      reply = await this.#ask(
        formRequest(realm, { grant_type: "password", username, password, scope, service }),
        signal,
      );
    }
    const bytes = await this.#http.readBody(reply, maxTokenReplyBytes, signal);
    if (reply.status === 401 || reply.status === 403) {
      const code = reply.status === 401 ? "unauthenticated" : "permission-denied";
      throw new CribError(
        code,
        `token endpoint ${realm.host} refused ${this.#secret === undefined ? "an anonymous request" : "the credentials"} for ${this.#endpoint.origin} (HTTP ${reply.status})`,
      );
    }
    if (!reply.ok) throw new CribError("unavailable", `token endpoint ${realm.host} answered HTTP ${reply.status}`);
    const token = readToken(bytes);
    if (token === undefined) throw new CribError("unavailable", `token endpoint ${realm.host} sent no token`);
    return token;
  }

  /** What the challenge asks for; the pull of this repository where it names none (`scope=""`, `scope="*"`). */
  #wantedScope(stated: string): string {
    const parts = stated.split(" ").filter((part) => part !== "" && part !== "*");
    return parts.some((part) => part.startsWith("repository:"))
      ? parts.join(" ")
      : [...parts, this.#defaultScope].join(" ");
  }

  #tokenRequest(realm: URL, service: string | undefined, scope: string): TokenRequest {
    if (this.#secret?.kind === "identity-token") {
      return formRequest(realm, { grant_type: "refresh_token", refresh_token: this.#secret.token, scope, service });
    }
    const url = new URL(realm.href);
    if (service !== undefined) url.searchParams.set("service", service);
    for (const part of scope.split(" ")) url.searchParams.append("scope", part);
    if (this.#secret?.kind !== "password") return { url, authorization: undefined, form: undefined };
    const pair = `${this.#secret.username}:${this.#secret.password}`;
    const authorization = `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
    return { url, authorization, form: undefined };
  }

  /** Asks, and follows redirects: a request's credentials go on at its own origin and nowhere else. */
  async #ask(first: TokenRequest, signal: AbortSignal): Promise<Response> {
    let { url, authorization, form } = first;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const request =
        form === undefined
          ? new Request(url.href, { headers })
          : new Request(url.href, { method: "POST", headers, body: new URLSearchParams(form) });
      const reply = await this.#http.requestElsewhere(request, signal);
      const location = redirectTarget(reply);
      if (location === undefined) return reply;
      await reply.body?.cancel();
      const next = this.#checkRealm(URL.canParse(location, url.href) ? new URL(location, url).href : location);
      if (next.origin !== url.origin) {
        if (form !== undefined) throw this.#refusedRealm(next.href, "credentials do not go from one host to another");
        authorization = undefined;
      }
      // As browsers and Go do: only 307 and 308 keep a POST one.
      if (reply.status !== 307 && reply.status !== 308) form = undefined;
      url = next;
    }
    throw new CribError("unavailable", `token endpoint ${first.url.host} redirects more than ${maxRedirects} times`);
  }

  /**
   * A registry may send its clients anywhere for tokens, but not over plain HTTP unless it speaks that itself, and not to
   * services that only this node can reach.
   */
  #checkRealm(text: string): URL {
    const refused = (why: string): CribError => this.#refusedRealm(text, why);
    if (!URL.canParse(text)) throw refused("not an absolute address");
    const realm = new URL(text);
    const own = new URL(this.#endpoint.origin);
    if (realm.protocol !== "https:" && !(realm.protocol === "http:" && own.protocol === "http:"))
      throw refused("not https");
    if (realm.username !== "" || realm.password !== "") throw refused("it holds credentials");
    if (isNodeLocal(realm.hostname) && !isNodeLocal(own.hostname)) throw refused("it is local to this node");
    return realm;
  }

  #refusedRealm(text: string, why: string): CribError {
    const shown = JSON.stringify(text.slice(0, 200));
    return new CribError(
      "failed-precondition",
      `registry ${this.#endpoint.origin} names the token endpoint ${shown}: ${why}`,
    );
  }
}

/** A POST when there is a form. */
interface TokenRequest {
  readonly url: URL;
  readonly authorization: string | undefined;
  readonly form: Readonly<Record<string, string>> | undefined;
}

function formRequest(url: URL, fields: Readonly<Record<string, string | undefined>>): TokenRequest {
  const form: Record<string, string> = { client_id: "crib" };
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form[name] = value;
  return { url, authorization: undefined, form };
}

function readToken(bytes: Uint8Array): string | undefined {
  try {
    const reply = parseForeignObject(bytes, "token answer", plainDocument);
    const found = reply.text("token") || reply.text("access_token");
    return /^[\x21-\x7e]+$/.test(found) ? found : undefined;
  } catch {
    return undefined;
  }
}
