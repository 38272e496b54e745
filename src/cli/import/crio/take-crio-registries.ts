import { type ForeignTable, isTable, listAt, textAt } from "../foreign-document.ts";
import { registryName } from "../registry-name.ts";
import type { Takeover } from "../takeover.ts";

/** registries.conf, version 2: a registry's mirrors, where it is known by its host alone. */
export function takeCrioRegistries(takeover: Takeover, registries: ForeignTable): void {
  for (const entry of listAt(registries, "registry").filter(isTable)) takeRegistry(takeover, entry);
}

function takeRegistry(takeover: Takeover, entry: ForeignTable): void {
  const location = textAt(entry, "location");
  const prefix = textAt(entry, "prefix") || location;
  const setting = `registries.conf: ${prefix}`;
  if (entry["blocked"] === true) {
    takeover.refuse(setting, "blocked", "crib blocks no registry: leave it to admission");
    return;
  }
  const name = registryName(prefix);
  if (name === undefined || name === "_default") {
    takeover.refuse(setting, location, "crib knows registries by their hosts, not by a part of a name");
    return;
  }
  const moved = location !== "" && location !== prefix;
  if (!moved && entry["insecure"] === true) {
    takeover.registry(name).setServer({ skip_verify: true });
    takeover.accept(setting, "insecure", `certs.d/${name}/hosts.toml`);
  }
  const mirrors = listAt(entry, "mirror").filter(isTable);
  for (const mirror of moved ? [...mirrors, entry] : mirrors) takeMirror(takeover, setting, name, mirror);
}

/** A location is a host and perhaps the beginning of the repositories' names there. */
function takeMirror(takeover: Takeover, setting: string, name: string, mirror: ForeignTable): void {
  const location = textAt(mirror, "location");
  const url = URL.canParse(`https://${location}`) ? new URL(`https://${location}`) : undefined;
  if (url === undefined || url.username !== "") {
    takeover.refuse(setting, location, "is no address");
    return;
  }
  const hasPath = url.pathname !== "/";
  takeover.registry(name).addMirror(hasPath ? `${url.origin}/v2${url.pathname}` : url.origin, {
    ...(hasPath ? { override_path: true } : {}),
    ...(mirror["insecure"] === true ? { skip_verify: true } : {}),
  });
  takeover.accept(setting, location, `certs.d/${name}/hosts.toml`);
}
