import { invalidArgument } from "../errors/crib-error.ts";
import type { CdiEdits, CdiFile } from "./cdi-file.ts";

/** Released versions, oldest first. */
const versions = ["0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0"] as const;
type Version = (typeof versions)[number];

/** The version that brought each part; a file that uses one and claims an earlier version is malformed. */
const brought: readonly {
  readonly version: Version;
  readonly what: string;
  readonly used: (file: CdiFile) => boolean;
}[] = [
  { version: "0.4.0", what: "a mount's type", used: some((edits) => edits.mounts?.some(({ type }) => Boolean(type))) },
  {
    version: "0.5.0",
    what: "a device node's hostPath",
    used: some((edits) => edits.deviceNodes?.some(({ hostPath }) => Boolean(hostPath))),
  },
  {
    version: "0.5.0",
    what: "a device name that starts with a digit",
    used: ({ devices }) => devices.some(({ name }) => /^[0-9]/.test(name)),
  },
  {
    version: "0.6.0",
    what: "annotations",
    used: ({ annotations, devices }) =>
      hasEntries(annotations) || devices.some((device) => hasEntries(device.annotations)),
  },
  { version: "0.6.0", what: "a dot in the class", used: ({ kind }) => (kind.split("/")[1] ?? "").includes(".") },
  { version: "0.7.0", what: "intelRdt", used: some((edits) => edits.intelRdt != null) },
  { version: "0.7.0", what: "additionalGids", used: some((edits) => (edits.additionalGids?.length ?? 0) > 0) },
  { version: "1.1.0", what: "netDevices", used: some((edits) => (edits.netDevices?.length ?? 0) > 0) },
];

/** @throws {CribError} invalid-argument for a version that is not released, or older than what the file uses. */
export function checkCdiVersion(path: string, file: CdiFile): void {
  const claimed = versions.indexOf(file.cdiVersion.replace(/^v/, "") as Version);
  if (claimed < 0) {
    throw invalidArgument(
      `CDI file ${path} is of version ${JSON.stringify(file.cdiVersion.slice(0, 40))}; known are ${versions.join(", ")}`,
    );
  }
  const newer = brought.find(({ version, used }) => versions.indexOf(version) > claimed && used(file));
  if (newer !== undefined) {
    throw invalidArgument(
      `CDI file ${path} uses ${newer.what}, which needs version ${newer.version}, not ${file.cdiVersion}`,
    );
  }
}

function some(test: (edits: CdiEdits) => boolean | undefined): (file: CdiFile) => boolean {
  return ({ containerEdits, devices }) =>
    [containerEdits ?? {}, ...devices.map((device) => device.containerEdits)].some((edits) => test(edits) === true);
}

function hasEntries(map: Readonly<Record<string, string>> | null | undefined): boolean {
  return Object.keys(map ?? {}).length > 0;
}
