import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { invalidArgument } from "../errors/crib-error.ts";
import type { HostPath } from "../ids/path.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";

/** A certificate chain and its key, in PEM, that belong together. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

export interface WatchedTlsFiles extends Disposable {
  readonly current: TlsFiles;
  /** One listener, called with files that changed and are usable. What it throws is logged: the old ones stay in use. */
  onChange(listener: (files: TlsFiles) => void): void;
}

/** Certificates are replaced by rename, by link, or in place, also over NFS: looking is surer than being told. */
const lookEveryMs = 10_000;

/** @throws {CribError} invalid-argument when a file cannot be read, or key and certificate are none or not each other's. */
export function watchTlsFiles(
  paths: { readonly certFile: HostPath; readonly keyFile: HostPath },
  { clock, log }: { readonly clock: Pick<Clock, "sleep">; readonly log: Log },
): WatchedTlsFiles {
  const ended = new AbortController();
  let seen = stamp(paths);
  let current = read(paths);
  let listener: (files: TlsFiles) => void = () => undefined;

  async function watch(): Promise<void> {
    while (await clock.sleep(lookEveryMs, ended.signal)) {
      const now = stamp(paths);
      if (now === seen) continue;
      seen = now;
      try {
        const files = read(paths);
        listener(files);
        current = files;
      } catch (error) {
        log.error({ err: error, ...paths }, "certificate not reloaded; the old one stays in use");
      }
    }
  }
  void watch();

  return {
    get current() {
      return current;
    },
    onChange(added) {
      listener = added;
    },
    [Symbol.dispose]: () => ended.abort(),
  };
}

function read({ certFile, keyFile }: { readonly certFile: HostPath; readonly keyFile: HostPath }): TlsFiles {
  try {
    const files = { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
    if (!new X509Certificate(files.cert).checkPrivateKey(createPrivateKey(files.key))) {
      throw invalidArgument("they do not belong together");
    }
    return files;
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw invalidArgument(`cannot serve streams with certificate ${certFile} and key ${keyFile}: ${detail}`, error);
  }
}

/** Changes when one of the files does; a file that is not there is no change, it is on its way. */
function stamp(paths: { readonly certFile: HostPath; readonly keyFile: HostPath }): string {
  return [paths.certFile, paths.keyFile]
    .map((path) => statSync(path, { throwIfNoEntry: false, bigint: true }))
    .map((stat) => (stat === undefined ? "-" : `${stat.dev}:${stat.ino}:${stat.mtimeNs}:${stat.size}`))
    .join(" ");
}
