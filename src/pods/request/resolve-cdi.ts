import type { Stats } from "node:fs";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { applyCdiEdits } from "../../cdi/apply-edits.ts";
import type { FoundCdiFile } from "../../cdi/device-catalogue.ts";
import { cdiEditsFor } from "../../cdi/device-catalogue.ts";
import type { CdiDeviceName } from "../../cdi/device-name.ts";
import type { HostNode } from "../../cdi/host-node.ts";
import { maxCdiFileBytes, parseCdiFile } from "../../cdi/parse-cdi-file.ts";
import { invalidArgument } from "../../errors/crib-error.ts";
import { isMissing } from "../../errors/is-missing.ts";
import type { HostPath } from "../../ids/path.ts";
import { parseMountOptions } from "../../oci/mounts/mount-options.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import type { PodEngine } from "../engine.ts";
import { majorOf, minorOf } from "./resolve-devices.ts";

/**
 * The spec with the CDI devices of the request in it. Directories are read when a container asks and not before: plugins write
 * files at any time, and few containers ask.
 *
 * @throws {CribError} invalid-argument for a device that cannot be resolved, failed-precondition for an edit that cannot be made.
 */
export function resolveCdi(engine: PodEngine, wanted: readonly CdiDeviceName[], spec: RuntimeSpec): RuntimeSpec {
  if (wanted.length === 0) return spec;
  const { specDirs } = engine.config.cdi;
  const edits = cdiEditsFor(wanted, specDirs.flatMap(readDirectory), specDirs);
  if (edits.some(({ intelRdt }) => intelRdt)) {
    engine.log.warn(
      { devices: wanted.join(",") },
      "CDI files ask for cache allocation (intelRdt), which crib does not set",
    );
  }
  const edited = applyCdiEdits(spec, edits, hostNode);
  for (const { destination, type, options } of edited.mounts) {
    const unknown = type === "bind" ? parseMountOptions(options).data : [];
    if (unknown.length > 0) {
      throw invalidArgument(
        `CDI mount on ${JSON.stringify(destination)} has options a bind has not: ${unknown.join(",")}`,
      );
    }
  }
  return edited;
}

/** A file that cannot be used is told when a device is missing, and does not stand in the way of the other files. */
function readDirectory(directory: HostPath, priority: number): readonly FoundCdiFile[] {
  return namesIn(directory)
    .filter((name) => /\.(?:json|yaml)$/.test(name))
    .toSorted()
    .map((name) => {
      const path = `${directory}/${name}`;
      try {
        return { path, priority, content: parseCdiFile(path, readRegularFile(path)) };
      } catch (error) {
        return { path, priority, content: { problem: error instanceof Error ? error.message : String(error) } };
      }
    });
}

function namesIn(directory: HostPath): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function readRegularFile(path: string): string {
  const stat = statSync(path);
  if (!stat.isFile() || stat.size > maxCdiFileBytes) {
    throw invalidArgument(`CDI file ${path} is not a regular file of at most ${maxCdiFileBytes} bytes`);
  }
  return readFileSync(path, "utf8");
}

function hostNode(path: string): HostNode | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  const type = stat === undefined ? undefined : typeOf(stat);
  if (stat === undefined || type === undefined) return undefined;
  return { type, major: majorOf(stat.rdev), minor: minorOf(stat.rdev), mode: stat.mode & 0o777 };
}

function typeOf(stat: Stats): HostNode["type"] | undefined {
  if (stat.isCharacterDevice()) return "c";
  if (stat.isBlockDevice()) return "b";
  return stat.isFIFO() ? "p" : undefined;
}
