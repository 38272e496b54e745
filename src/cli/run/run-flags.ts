import type { DescMessage, Message, MessageInitShape } from "@bufbuild/protobuf";
import { invalidArgument } from "../../errors/crib-error.ts";
import {
  type ContainerConfigSchema,
  type LinuxContainerResourcesSchema,
  type LinuxContainerSecurityContextSchema,
  NamespaceMode,
  type PodSandboxConfigSchema,
  SecurityProfile_ProfileType,
} from "../../gen/runtime/v1/api_pb.ts";
import { parseByteSize } from "../parse/byte-size.ts";
import { parseWholeNumber } from "../parse/whole-number.ts";
import { maskedPaths, readonlyPaths } from "./masked-paths.ts";
import { parsePort } from "./parse-port.ts";
import { parseUser } from "./parse-user.ts";
import { parseVolume } from "./parse-volume.ts";

/** The flags of `crib run` that shape the pod and its container, as commander leaves them. */
export interface RunFlags {
  readonly name?: string;
  readonly env?: readonly string[];
  readonly volume?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly entrypoint?: string;
  readonly hostname?: string;
  readonly network: string;
  readonly runtime?: string;
  readonly publish?: readonly string[];
  readonly memory?: string;
  readonly cpus?: string;
  readonly pidsLimit?: string;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly readOnly?: true;
  /** Commander's reading of `--no-new-privileges`: true unless given. */
  readonly newPrivileges: boolean;
  readonly privileged?: true;
  readonly rm?: true;
  readonly keep?: true;
  readonly detach?: true;
  readonly quiet?: true;
  readonly interactive?: true;
  readonly tty?: true;
}

/** The fields of a message in a plain object, which unlike a message can be spread and added to. */
type PlainInit<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, Message>;
type PodInit = PlainInit<typeof PodSandboxConfigSchema>;
type ContainerInit = PlainInit<typeof ContainerConfigSchema>;

/** One `crib run`, checked: everything the CRI is asked, but for what only the moment of running knows. */
export interface RunWanted {
  readonly image: string;
  /** undefined: made from the image's name. */
  readonly name: string | undefined;
  readonly keep: boolean;
  readonly detach: boolean;
  readonly quiet: boolean;
  readonly stdin: boolean;
  readonly tty: boolean;
  /** The handler that runs it; "" is the daemon's default. */
  readonly runtime: string;
  /** Without metadata, log directory and labels. */
  readonly pod: PodInit;
  /** Without metadata, image and log path. */
  readonly container: ContainerInit;
}

const cpuPeriodUs = 100_000n;

/** @throws {CribError} invalid-argument naming the flag. */
export function parseRunFlags(image: string, args: readonly string[], flags: RunFlags): RunWanted {
  const namespaceOptions = {
    network: networkMode(flags.network),
    pid: NamespaceMode.CONTAINER,
    ipc: NamespaceMode.POD,
  };
  const privileged = flags.privileged === true;
  if (flags.name !== undefined && !/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/.test(flags.name)) {
    throw invalidArgument(
      `name ${JSON.stringify(flags.name)} is not 1 to 63 of a-z, 0-9, "-" and ".", with a letter or digit at both ends`,
    );
  }
  return {
    image,
    name: flags.name,
    keep: flags.keep === true,
    detach: flags.detach === true,
    quiet: flags.quiet === true,
    stdin: flags.interactive === true,
    tty: flags.tty === true,
    runtime: flags.runtime ?? "",
    pod: {
      ...(flags.hostname === undefined ? {} : { hostname: flags.hostname }),
      portMappings: (flags.publish ?? []).map(parsePort),
      linux: { securityContext: { namespaceOptions, privileged } },
    },
    container: {
      command: flags.entrypoint === undefined ? [] : [flags.entrypoint],
      args: [...args],
      workingDir: flags.workdir ?? "",
      envs: (flags.env ?? []).map(parseEnv),
      tty: flags.tty === true,
      stdin: flags.interactive === true,
      stdinOnce: flags.interactive === true && flags.detach !== true,
      mounts: (flags.volume ?? []).map(parseVolume),
      linux: {
        resources: resources(flags),
        securityContext: { ...securityContext(flags, privileged), namespaceOptions },
      },
    },
  };
}

function networkMode(text: string): NamespaceMode {
  if (text === "pod") return NamespaceMode.POD;
  if (text === "host") return NamespaceMode.NODE;
  throw invalidArgument(`network ${JSON.stringify(text)} is neither "pod" nor "host"`);
}

function parseEnv(text: string): { key: string; value: Uint8Array<ArrayBuffer> } {
  const at = text.indexOf("=");
  if (at <= 0) throw invalidArgument(`environment variable ${JSON.stringify(text)} is not NAME=value`);
  return { key: text.slice(0, at), value: new TextEncoder().encode(text.slice(at + 1)) };
}

function resources(flags: RunFlags): PlainInit<typeof LinuxContainerResourcesSchema> {
  return {
    ...(flags.memory === undefined ? {} : { memoryLimitInBytes: parseByteSize(flags.memory, "memory limit") }),
    ...(flags.cpus === undefined ? {} : { cpuPeriod: cpuPeriodUs, cpuQuota: cpuQuotaUs(flags.cpus) }),
    // The CRI has no field for it; `unified` carries cgroup v2 names, and crib honours this one on v1 as well.
    ...(flags.pidsLimit === undefined
      ? {}
      : { unified: { "pids.max": String(parseWholeNumber(flags.pidsLimit, "process limit", 1, 4_194_304)) } }),
  };
}

/** The kernel refuses quotas under 1 ms of a period (sched-bwc, min_cfs_quota_period). */
function cpuQuotaUs(text: string): bigint {
  const cpus = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(cpus >= 0.01 && cpus <= 10_000))
    throw invalidArgument(`processor limit ${JSON.stringify(text)} is not a number from 0.01 on`);
  return BigInt(Math.round(cpus * Number(cpuPeriodUs)));
}

function securityContext(flags: RunFlags, privileged: boolean): PlainInit<typeof LinuxContainerSecurityContextSchema> {
  const profileType = privileged ? SecurityProfile_ProfileType.Unconfined : SecurityProfile_ProfileType.RuntimeDefault;
  return {
    ...(flags.user === undefined ? {} : parseUser(flags.user)),
    privileged,
    readonlyRootfs: flags.readOnly === true,
    noNewPrivs: !flags.newPrivileges,
    capabilities: {
      addCapabilities: (flags.capAdd ?? []).map(capabilityName),
      dropCapabilities: (flags.capDrop ?? []).map(capabilityName),
    },
    seccomp: { profileType },
    maskedPaths: privileged ? [] : [...maskedPaths],
    readonlyPaths: privileged ? [] : [...readonlyPaths],
  };
}

/** The CRI writes capabilities without their `CAP_`. */
function capabilityName(text: string): string {
  const name = text.toUpperCase().replace(/^CAP_/, "");
  if (!/^[A-Z_]+$/.test(name)) throw invalidArgument(`capability ${JSON.stringify(text)} is not a name like NET_ADMIN`);
  return name;
}
