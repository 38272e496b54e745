import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { isMissing } from "../../errors/is-missing.ts";
import type { HostPath } from "../../ids/path.ts";
import type { Log } from "../../observe/log.ts";
import { type CniNetwork, parseNetworkList } from "./network-list.ts";

const extensions: readonly string[] = [".conflist", ".conf", ".json"];
/** A configuration is a page of text; whatever is larger is something else. */
const maxConfigBytes = 1024 * 1024;

export type CniConfiguration =
  | { readonly kind: "network"; readonly network: CniNetwork; readonly file: string }
  /** No directory, or no file of a configuration's name in it. */
  | { readonly kind: "none" }
  /** There are files, but none that can be used. */
  | { readonly kind: "invalid"; readonly message: string };

/**
 * The network of a CNI configuration directory: the first file in lexical order that is valid.
 *
 * The directory is looked at whenever it is asked, and parsed only when a name, time or size changed: that survives
 * what ends a watch, the directory's own removal and return, and costs 30 µs.
 */
export class ConfigDirectory {
  readonly #directory: () => HostPath;
  readonly #log: Log;
  #fingerprint = "";
  #configuration: CniConfiguration = { kind: "none" };

  /** The directory is asked for each time: the configuration may name another one now. */
  constructor(directory: () => HostPath, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  current(): CniConfiguration {
    const files = this.#candidates();
    const fingerprint = files.map(({ fingerprint: each }) => each).join("\n");
    if (fingerprint !== this.#fingerprint) {
      this.#configuration = this.#load(files.map(({ path }) => path));
      this.#fingerprint = fingerprint;
    }
    return this.#configuration;
  }

  #candidates(): readonly { readonly path: string; readonly fingerprint: string }[] {
    const directory = this.#directory();
    const names = readdirOrNothing(directory).filter((name) => extensions.includes(extname(name)));
    // By code units, as Go's sort does it: which file comes first must not depend on a locale.
    names.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    return names.flatMap((name) => {
      const path = join(directory, name);
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined || !stat.isFile()) return [];
      return [{ path, fingerprint: `${path}\0${stat.ino}\0${stat.mtimeNs}\0${stat.size}` }];
    });
  }

  #load(paths: readonly string[]): CniConfiguration {
    const problems: string[] = [];
    for (const path of paths) {
      try {
        const network = parseNetworkList(readJson(path), path);
        this.#log.info({ file: path, network: network.name, cniVersion: network.cniVersion }, "using this CNI network");
        return { kind: "network", network, file: path };
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
        this.#log.warn({ file: path, error }, "CNI configuration cannot be used");
      }
    }
    if (problems.length > 0) return { kind: "invalid", message: problems.join("; ") };
    if (this.#configuration.kind !== "none") {
      this.#log.info({ directory: this.#directory() }, "no CNI configuration left: new pods use the built-in network");
    }
    return { kind: "none" };
  }
}

function readdirOrNothing(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function readJson(path: string): unknown {
  const bytes = readFileSync(path);
  if (bytes.length > maxConfigBytes) throw new Error(`${path} is larger than ${maxConfigBytes} bytes`);
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new Error(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
