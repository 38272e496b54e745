import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { HostPath } from "../../../ids/path.ts";
import { parseHostsToml } from "./hosts-toml.ts";
import { type RegistryEndpoint, upstreamEndpoint } from "./registry-endpoint.ts";

/**
 * The servers to try for a registry, in order: mirrors of the first `<dir>/<host>/hosts.toml` found, then the registry.
 * Read anew at each pull, as operators expect from containerd.
 *
 * @param domain from a parsed reference, so it has no slash and is never ".." .
 */
export function registryEndpoints(hostsDirs: readonly HostPath[], domain: string): readonly RegistryEndpoint[] {
  for (const root of hostsDirs) {
    for (const name of directoryNames(domain)) {
      const directory = join(root, name);
      const file = join(directory, "hosts.toml");
      if (existsSync(file)) return parseHostsToml(readFileSync(file, "utf8"), directory, domain);
      const upstream = withDockerCertificates(directory, domain);
      if (upstream !== undefined) return [upstream];
    }
  }
  return [upstreamEndpoint(domain)];
}

/** `host_5000_` is containerd's spelling of `host:5000` where a colon is awkward. */
function directoryNames(domain: string): readonly string[] {
  const colon = domain.lastIndexOf(":");
  const hasPort = colon > domain.lastIndexOf("]") && colon !== -1;
  return [...(hasPort ? [`${domain.slice(0, colon)}_${domain.slice(colon + 1)}_`] : []), domain, "_default"];
}

/** A directory without hosts.toml may hold Docker's files: `*.crt` authorities, `*.cert` with its `*.key`. */
function withDockerCertificates(directory: string, domain: string): RegistryEndpoint | undefined {
  if (!existsSync(directory)) return undefined;
  const names = readdirSync(directory).sort();
  const read = (name: string): string => readFileSync(join(directory, name), "utf8");
  const authorities = names.filter((name) => name.endsWith(".crt"));
  const certificate = names.find((name) => name.endsWith(".cert") && names.includes(name.replace(/cert$/, "key")));
  if (authorities.length === 0 && certificate === undefined) return undefined;
  const upstream = upstreamEndpoint(domain);
  return Object.freeze({
    ...upstream,
    origin: upstream.origin.replace(/^http:/, "https:"),
    tls: {
      ca: authorities.map(read),
      certificate:
        certificate === undefined
          ? undefined
          : { cert: read(certificate), key: read(certificate.replace(/cert$/, "key")) },
      skipVerify: false,
    },
  });
}
