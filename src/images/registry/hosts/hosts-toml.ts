import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import { failedPrecondition } from "../../../errors/crib-error.ts";
import {
  type EndpointTls,
  everyCapability,
  isLoopbackHost,
  type RegistryEndpoint,
  upstreamEndpoint,
} from "./registry-endpoint.ts";

const oneOrMore = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === "string" ? [value] : value));

const hostSchema = z.object({
  capabilities: z.array(z.enum(["pull", "resolve", "push", "referrers"])).optional(),
  ca: oneOrMore.optional(),
  client: z.union([z.string(), z.array(z.union([z.string(), z.array(z.string()).max(2)]))]).optional(),
  skip_verify: z.boolean().optional(),
  header: z.record(z.string(), oneOrMore).optional(),
  override_path: z.boolean().optional(),
  dial_timeout: z.string().optional(),
});

const fileSchema = hostSchema.extend({
  server: z.string().optional(),
  /** crib's own: false never asks the registry itself when its mirrors have failed. */
  fallback: z.boolean().optional(),
  host: z.record(z.string(), hostSchema).optional(),
});

type HostFields = z.infer<typeof hostSchema>;

/**
 * Parses containerd's hosts.toml (its docs/hosts.md): mirrors in the order they are written, then the server.
 *
 * @param directory where the file lies; relative certificate paths start there.
 * @param domain the registry the file is about, for its default server.
 * @throws {CribError} failed-precondition naming the file: a mirror left out by accident is worse than a clear refusal.
 */
export function parseHostsToml(text: string, directory: string, domain: string): readonly RegistryEndpoint[] {
  const file = join(directory, "hosts.toml");
  const parsed = fileSchema.safeParse(parseTomlOf(text, file));
  if (!parsed.success) throw failedPrecondition(`${file} is not valid: ${z.prettifyError(parsed.error)}`);
  const server = endpoint(parsed.data.server ?? upstreamEndpoint(domain).origin, parsed.data, directory, file, true);
  const hosts = Object.entries(parsed.data.host ?? {}).map(([url, fields]) =>
    endpoint(url, fields, directory, file, false),
  );
  // The registry itself, configured in the list of its mirrors, is still the registry: it gets its credentials there.
  const isServer = (host: RegistryEndpoint): boolean =>
    host.origin === server.origin && host.apiPath === server.apiPath;
  const listed = hosts.map((host) => (isServer(host) ? Object.freeze({ ...host, isUpstream: true }) : host));
  if (parsed.data.fallback === false) {
    if (listed.length > 0) return listed;
    throw failedPrecondition(`${file} has fallback = false and names no host: there is nobody to ask`);
  }
  return listed.some((host) => isServer(host) && host.capabilities.size === everyCapability.size)
    ? listed
    : [...listed, server];
}

function parseTomlOf(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw failedPrecondition(`${file} is not TOML: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

function endpoint(
  address: string,
  fields: HostFields,
  directory: string,
  file: string,
  isUpstream: boolean,
): RegistryEndpoint {
  const url = parseUrl(address, file);
  const path = url.pathname.replace(/\/+$/, "");
  const apiPath = fields.override_path === true || path.endsWith("/v2") ? path : `${path}/v2`;
  const capabilities = fields.capabilities?.filter((name) => name === "pull" || name === "resolve");
  return Object.freeze({
    origin: url.origin,
    apiPath,
    capabilities: capabilities === undefined ? everyCapability : new Set(capabilities),
    tls: parseTls(fields, directory, file),
    headers: Object.entries(fields.header ?? {}).flatMap(([name, values]) =>
      values.map((value) => [name, value] as const),
    ),
    dialTimeoutMs: fields.dial_timeout === undefined ? undefined : parseDuration(fields.dial_timeout, file),
    isUpstream,
  });
}

function parseUrl(address: string, file: string): URL {
  const withScheme = /^[a-z]+:\/\//i.test(address)
    ? address
    : `${isLoopbackHost(address) ? "http" : "https"}://${address}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:") || url.username !== "") {
    throw failedPrecondition(`${file}: ${JSON.stringify(address)} is not an http or https address`);
  }
  return url;
}

function parseTls(fields: HostFields, directory: string, file: string): EndpointTls {
  const read = (path: string): string => readPem(isAbsolute(path) ? path : join(directory, path), file);
  const client = typeof fields.client === "string" ? fields.client : fields.client?.[0];
  const [certPath, keyPath] = client === undefined ? [] : typeof client === "string" ? [client] : client;
  const cert = certPath === undefined || certPath === "" ? undefined : read(certPath);
  return {
    ca: (fields.ca ?? []).map(read),
    certificate:
      cert === undefined ? undefined : { cert, key: keyPath === undefined || keyPath === "" ? cert : read(keyPath) },
    skipVerify: fields.skip_verify ?? false,
  };
}

function readPem(path: string, file: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw failedPrecondition(
      `${file} names ${path}, which cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Go's time.ParseDuration as far as anybody writes it here: "500ms", "3s", "1m30s". */
function parseDuration(text: string, file: string): number {
  const parts = [...text.matchAll(/([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join("") !== text) {
    throw failedPrecondition(`${file}: ${JSON.stringify(text)} is not a duration such as "3s"`);
  }
  return parts.reduce((sum, [, number, unit]) => sum + Number(number) * (unitMs[unit ?? ""] ?? 0), 0);
}
