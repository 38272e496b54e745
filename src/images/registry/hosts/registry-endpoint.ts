/** What a host may be asked for: `resolve` turns tags into digests, `pull` fetches by digest. */
export type EndpointCapability = "pull" | "resolve";

export interface EndpointTls {
  /** PEM, added to the roots Bun carries. */
  readonly ca: readonly string[];
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
  readonly skipVerify: boolean;
}

/** One server to try for a repository: a mirror, or the registry itself. */
export interface RegistryEndpoint {
  /** `https://host:port`, without a path. */
  readonly origin: string;
  /** `/v2`, or whatever stands in its place. */
  readonly apiPath: string;
  readonly capabilities: ReadonlySet<EndpointCapability>;
  readonly tls: EndpointTls;
  readonly headers: readonly (readonly [string, string])[];
  readonly dialTimeoutMs: number | undefined;
  /** The registry the reference names; its credentials go there and nowhere else (CVE-2020-15157). */
  readonly isUpstream: boolean;
}

export const everyCapability: ReadonlySet<EndpointCapability> = new Set(["pull", "resolve"]);

const defaultTls: EndpointTls = Object.freeze({ ca: [], certificate: undefined, skipVerify: false });

/** localhost, 127.0.0.0/8 and ::1, with or without a port. Plain HTTP is spoken there unless configured otherwise. */
export function isLoopbackHost(host: string): boolean {
  const name = host.startsWith("[") ? host.slice(1, host.indexOf("]")) : (host.split(":")[0] ?? "");
  return name === "localhost" || name === "::1" || /^127(?:\.[0-9]{1,3}){3}$/.test(name);
}

/** The registry of a reference's domain when nothing is configured. */
export function upstreamEndpoint(domain: string): RegistryEndpoint {
  const host = domain === "docker.io" ? "registry-1.docker.io" : domain;
  return Object.freeze({
    origin: `${isLoopbackHost(host) ? "http" : "https"}://${host}`,
    apiPath: "/v2",
    capabilities: everyCapability,
    tls: defaultTls,
    headers: [],
    dialTimeoutMs: undefined,
    isUpstream: true,
  });
}
