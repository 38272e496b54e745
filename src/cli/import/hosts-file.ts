import { stringify } from "smol-toml";
import { parseHostsToml } from "../../images/registry/hosts/hosts-toml.ts";
import { importedMark } from "./imported-mark.ts";

interface MirrorFields {
  override_path?: boolean;
  skip_verify?: boolean;
  ca?: string;
  client?: readonly (readonly [string, string])[];
  header?: Record<string, readonly string[]>;
  capabilities: readonly string[];
}

/** What one registry's hosts.toml says, gathered from what another engine has in places of its own. */
export class HostsFile {
  /** "docker.io", "registry.example:5000", or "_default" for those that have none of their own. */
  readonly host: string;
  readonly #mirrors = new Map<string, MirrorFields>();
  #server: Partial<MirrorFields> = {};

  constructor(host: string) {
    this.host = host;
  }

  get empty(): boolean {
    return this.#mirrors.size === 0 && Object.keys(this.#server).length === 0;
  }

  /** @param address as a URL; a path in it is the whole path, without /v2. */
  addMirror(address: string, fields: Omit<MirrorFields, "capabilities"> = {}): void {
    this.#mirrors.set(address, { capabilities: ["pull", "resolve"], ...this.#mirrors.get(address), ...fields });
  }

  /** Of the registry itself. */
  setServer(fields: Omit<MirrorFields, "capabilities">): void {
    this.#server = { ...this.#server, ...fields };
  }

  get text(): string {
    const server = serverOf(this.host);
    const document = {
      ...(server === undefined ? {} : { server }),
      ...this.#server,
      ...(this.#mirrors.size === 0 ? {} : { host: Object.fromEntries(this.#mirrors) }),
    };
    return `${importedMark}\n${stringify(document)}`;
  }

  /** @throws {CribError} when crib could not read it: a certificate that is not there, for one. */
  check(): void {
    parseHostsToml(this.text, "/", this.host === "_default" ? "registry.invalid" : this.host);
  }
}

function serverOf(host: string): string | undefined {
  if (host === "_default") return undefined;
  return host === "docker.io" ? "https://registry-1.docker.io" : `https://${host}`;
}
