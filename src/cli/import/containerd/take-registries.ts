import { type ForeignTable, isTable, tableAt } from "../foreign-document.ts";
import { registryName } from "../registry-name.ts";
import type { Takeover } from "../takeover.ts";

const usualDirs = ["/etc/crib/certs.d", "/etc/containerd/certs.d"];

/** Directories of hosts.toml are read where they are; mirrors and certificates in the configuration itself become such files. */
export function takeRegistries(takeover: Takeover, cri: ForeignTable): void {
  const registry = tableAt(cri, "registry");
  const path = registry["config_path"];
  if (typeof path === "string" && path !== "") {
    const dirs = path.split(":").filter((directory) => directory !== "");
    const all = [usualDirs[0] ?? "", ...dirs];
    if (all.join(":") === usualDirs.join(":"))
      takeover.accept("cri.registry.config_path", path, "registry.hosts_dirs, as it is by default");
    else takeover.take("cri.registry.config_path", path, { registry: { hosts_dirs: all } });
  }
  for (const [host, mirror] of Object.entries(tableAt(registry, "mirrors"))) takeMirror(takeover, host, mirror);
  for (const [host, settings] of Object.entries(tableAt(registry, "configs"))) takeHost(takeover, host, settings);
  for (const host of Object.keys(tableAt(registry, "auths"))) refuseSecret(takeover, `cri.registry.auths."${host}"`);
  for (const [name, value] of Object.entries(tableAt(registry, "headers")))
    takeover.refuse(
      `cri.registry.headers.${name}`,
      "…",
      `${Array.isArray(value) ? "" : "is no list; "}headers go into the hosts.toml of a registry`,
    );
}

function takeMirror(takeover: Takeover, host: string, mirror: unknown): void {
  const setting = `cri.registry.mirrors."${host}"`;
  const endpoints = isTable(mirror) && Array.isArray(mirror["endpoint"]) ? mirror["endpoint"] : [];
  const name = registryName(host);
  if (name === undefined) {
    takeover.refuse(setting, endpoints, "is no name of a registry");
    return;
  }
  for (const endpoint of endpoints) {
    const url = typeof endpoint === "string" && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "") {
      takeover.refuse(setting, endpoint, "is not an http or https address");
      continue;
    }
    // containerd takes a path as it stands, and puts /v2 where there is none.
    const hasPath = url.pathname !== "/";
    takeover
      .registry(name)
      .addMirror(`${url.origin}${hasPath ? url.pathname : ""}`, hasPath ? { override_path: true } : {});
    takeover.accept(setting, endpoint, `certs.d/${name}/hosts.toml`);
  }
}

function takeHost(takeover: Takeover, host: string, settings: unknown): void {
  if (!isTable(settings)) return;
  const setting = `cri.registry.configs."${host}"`;
  if (Object.keys(tableAt(settings, "auth")).length > 0) refuseSecret(takeover, `${setting}.auth`);
  const tls = tableAt(settings, "tls");
  const ca = tls["ca_file"];
  const [cert, key] = [tls["cert_file"], tls["key_file"]];
  const fields = {
    ...(tls["insecure_skip_verify"] === true ? { skip_verify: true } : {}),
    ...(typeof ca === "string" && ca !== "" ? { ca } : {}),
    ...(typeof cert === "string" && cert !== "" && typeof key === "string" && key !== ""
      ? { client: [[cert, key]] as [string, string][] }
      : {}),
  };
  if (Object.keys(fields).length === 0) return;
  const name = registryName(host);
  if (name === undefined || name === "_default") {
    takeover.refuse(`${setting}.tls`, Object.keys(fields), "is no name of a registry");
    return;
  }
  takeover.registry(name).setServer(fields);
  takeover.accept(`${setting}.tls`, Object.keys(fields).join(", "), `certs.d/${name}/hosts.toml`);
}

/** Copying passwords from file to file is for a person to decide. */
function refuseSecret(takeover: Takeover, setting: string): void {
  takeover.refuse(setting, "…", "credentials are not copied: `docker login`, or registry.docker_config");
}
