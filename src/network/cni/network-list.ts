import { invalidArgument } from "../../errors/crib-error.ts";

/** CNI specification versions crib speaks, oldest first. */
const supportedVersions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] as const;
export type CniVersion = (typeof supportedVersions)[number];

export type JsonObject = Readonly<Record<string, unknown>>;

export interface CniPlugin {
  /** File name of the executable; never a path. */
  readonly type: string;
  /** Runtime arguments the plugin asks for. */
  readonly capabilities: readonly string[];
  /** Its configuration as written. */
  readonly config: JsonObject;
}

export interface CniNetwork {
  readonly name: string;
  readonly cniVersion: CniVersion;
  readonly disableGc: boolean;
  readonly plugins: readonly CniPlugin[];
  /** What `parseNetworkList` made this of; kept with every pod so that its DEL uses the configuration of its ADD. */
  readonly document: JsonObject;
}

const networkName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const pluginType = /^[a-zA-Z0-9_][a-zA-Z0-9_.-]*$/;

/**
 * A network configuration list, or a single plugin's configuration taken as a list of one (CNI specification 1.1,
 * section 1).
 *
 * @param what names the source in errors.
 * @throws {CribError} invalid-argument; among others for a plugin type that is a path (CVE-2021-20206).
 */
export function parseNetworkList(document: unknown, what: string): CniNetwork {
  if (!isObject(document)) throw invalidArgument(`${what} is not a JSON object`);
  const name = document["name"];
  if (typeof name !== "string" || !networkName.test(name)) {
    throw invalidArgument(
      `${what}: name ${shown(name)} must start with a letter or digit and go on with those, "_", "." or "-"`,
    );
  }
  const entries = "plugins" in document ? document["plugins"] : [document];
  if (!Array.isArray(entries) || entries.length === 0)
    throw invalidArgument(`${what}: plugins must be a list of at least one`);
  return Object.freeze({
    name,
    cniVersion: chooseVersion(document, what),
    disableGc: flag(document, "disableGC", what),
    plugins: entries.map((entry, index) => parsePlugin(entry, `${what}: plugin ${index + 1}`)),
    document,
  });
}

export function isAtLeast(version: CniVersion, least: CniVersion): boolean {
  return supportedVersions.indexOf(version) >= supportedVersions.indexOf(least);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsePlugin(entry: unknown, what: string): CniPlugin {
  if (!isObject(entry)) throw invalidArgument(`${what} is not a JSON object`);
  const type = entry["type"];
  if (typeof type !== "string" || !pluginType.test(type) || type.length > 255) {
    throw invalidArgument(`${what}: type ${shown(type)} must be the plain name of an executable, without "/" or ".."`);
  }
  const capabilities = entry["capabilities"] ?? {};
  if (!isObject(capabilities)) throw invalidArgument(`${what}: capabilities must be an object of booleans`);
  const wanted = Object.entries(capabilities).filter(([, value]) => value === true);
  return Object.freeze({ type, capabilities: wanted.map(([key]) => key), config: entry });
}

/** `cniVersions` (1.1) may offer several: the newest of them that crib speaks. Without any it is 0.1.0, as libcni has it. */
function chooseVersion(document: JsonObject, what: string): CniVersion {
  const offered = document["cniVersions"] ?? [];
  if (!Array.isArray(offered)) throw invalidArgument(`${what}: cniVersions must be a list of strings`);
  const single = document["cniVersion"];
  const candidates: readonly unknown[] = [
    ...offered,
    ...(single === undefined && offered.length > 0 ? [] : [single || "0.1.0"]),
  ];
  const chosen = supportedVersions.findLast((version) => candidates.includes(version));
  if (chosen === undefined) {
    throw invalidArgument(
      `${what}: cniVersion ${shown(single ?? offered)} is not one of ${supportedVersions.join(", ")}`,
    );
  }
  return chosen;
}

/** libcni takes the word as well as the boolean. */
function flag(document: JsonObject, key: string, what: string): boolean {
  const value = document[key] ?? false;
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw invalidArgument(`${what}: ${key} ${shown(value)} must be true or false`);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "(none)").slice(0, 100);
}
