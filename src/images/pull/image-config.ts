import { CribError, failedPrecondition } from "../../errors/crib-error.ts";
import { type DiffId, isDigest } from "../../ids/digest.ts";
import { digestedDocument } from "../../json/foreign-json.ts";
import { ForeignObject, parseForeignObject } from "../../json/foreign-object.ts";
import type { ImageConfig } from "../port.ts";
import type { Platform } from "../registry/platform.ts";

export const maxConfigBytes = digestedDocument.maxBytes;

/** Each may become a mount, and a container has 512 of those at most (`checkPlanFits`). */
const maxVolumes = 256;
/** As many as a list of a document may have. */
const maxEntries = 16_384;

export interface ParsedConfig {
  readonly config: ImageConfig;
  /** Bottom first, one a layer. */
  readonly diffIds: readonly DiffId[];
  readonly platform: Platform;
}

/**
 * Reads an image config (OCI image-spec, config.md) into frozen values: containers made at the same time share it
 * (CVE-2021-21334). Labels are inert data, whatever they are called.
 * @throws {CribError} data-loss when malformed.
 */
export function parseImageConfig(bytes: Uint8Array, what: string): ParsedConfig {
  const fields = parseForeignObject(bytes, what, digestedDocument);
  const rootfs = fields.object("rootfs");
  const run = fields.object("config") ?? new ForeignObject({}, what, digestedDocument);
  const diffIds = (rootfs?.texts("diff_ids") ?? []).map((diffId) => {
    if (!isDigest(diffId))
      throw new CribError("data-loss", `${what} has the malformed diff id ${JSON.stringify(diffId.slice(0, 160))}`);
    // Layers are hashed while they are unpacked, with the one algorithm builders use for diff ids.
    if (!diffId.startsWith("sha256:")) throw failedPrecondition(`${what} has a diff id that is not sha256`);
    return diffId as DiffId;
  });
  const config: ImageConfig = {
    architecture: fields.text("architecture"),
    os: fields.text("os"),
    user: run.text("User"),
    env: Object.freeze([...run.texts("Env")]),
    entrypoint: Object.freeze([...run.texts("Entrypoint")]),
    cmd: Object.freeze([...run.texts("Cmd")]),
    workingDir: run.text("WorkingDir"),
    volumes: Object.freeze(boundedKeys(run, "Volumes", maxVolumes, what)),
    labels: parseLabels(run, what),
    stopSignal: run.text("StopSignal"),
    exposedPorts: Object.freeze(boundedKeys(run, "ExposedPorts", maxEntries, what)),
    createdAt: fields.text("created"),
  };
  return Object.freeze({
    config: Object.freeze(config),
    diffIds: Object.freeze(diffIds),
    platform: Object.freeze({ os: config.os, architecture: config.architecture, variant: fields.text("variant") }),
  });
}

/** @throws {CribError} failed-precondition before any of them is looked at. */
function boundedKeys(run: ForeignObject, name: string, most: number, what: string): string[] {
  const keys = run.object(name)?.keys() ?? [];
  if (keys.length > most) throw failedPrecondition(`${what} has ${keys.length} ${name}, over ${most}`);
  return [...keys];
}

/** Without a prototype, so that a label called `__proto__` is a label. */
function parseLabels(run: ForeignObject, what: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = Object.create(null);
  const fields = run.object("Labels");
  for (const name of boundedKeys(run, "Labels", maxEntries, what)) {
    Object.defineProperty(labels, name, { value: fields?.textAt(name) ?? "", enumerable: true });
  }
  return Object.freeze(labels);
}
