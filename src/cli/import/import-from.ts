import type { HostPath } from "../../ids/path.ts";
import { containerdConfigPath, readContainerd } from "./containerd/read-containerd.ts";
import { takeContainerd } from "./containerd/take-containerd.ts";
import { crioConfigPath, readCrio } from "./crio/read-crio.ts";
import { takeCrio } from "./crio/take-crio.ts";
import { type ImportedFile, writeImported } from "./imported-files.ts";
import type { TakeoverRow } from "./takeover.ts";

export const engines = ["containerd", "crio"] as const;
export type OtherEngine = (typeof engines)[number];

export interface ImportResult {
  /** What was read. */
  readonly read: readonly string[];
  readonly rows: readonly TakeoverRow[];
  readonly files: readonly ImportedFile[];
}

export interface ImportOptions {
  /** Its main file; undefined: where the engine looks itself. */
  readonly from: string | undefined;
  readonly prefix: HostPath;
  readonly dryRun: boolean;
}

/** @throws {CribError} invalid-argument when the main file cannot be used. */
export function importFrom(engine: OtherEngine, { from, prefix, dryRun }: ImportOptions): ImportResult {
  const [read, takeover] = readAndTake(engine, from, prefix);
  const files = writeImported(takeover, prefix, dryRun);
  return { read, rows: takeover.rows, files };
}

function readAndTake(engine: OtherEngine, from: string | undefined, prefix: HostPath) {
  switch (engine) {
    case "containerd": {
      const configuration = readContainerd(from ?? containerdConfigPath, prefix);
      return [configuration.files, takeContainerd(configuration, prefix)] as const;
    }
    case "crio": {
      const configuration = readCrio(from ?? crioConfigPath, prefix);
      return [configuration.files, takeCrio(configuration, prefix)] as const;
    }
  }
}
