import type { HostPath } from "../ids/path.ts";

/** The part of the OCI runtime-spec (v1.2) that crib writes. JSON as it stands in config.json. */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process: SpecProcess;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname?: string;
  readonly mounts: readonly SpecMount[];
  readonly hooks?: { readonly createContainer: readonly SpecHook[] };
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: SpecLinux;
}

export interface SpecProcess {
  readonly terminal: boolean;
  readonly user: SpecUser;
  readonly args: readonly string[];
  /** `NAME=value`; bytes that are not UTF-8 are lone surrogates, see `byte-string.ts`. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities?: SpecCapabilities;
  readonly rlimits: readonly SpecRlimit[];
  readonly noNewPrivileges: boolean;
  readonly apparmorProfile?: string;
  readonly selinuxLabel?: string;
  readonly oomScoreAdj?: number;
}

/** `args[0]` is the program's name to itself; `timeout` is in seconds. */
export interface SpecHook {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly timeout: number;
}

export interface SpecUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly umask?: number;
}

/** Names with their `CAP_` prefix, in order of capability number. */
export interface SpecCapabilities {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly inheritable: readonly string[];
  readonly permitted: readonly string[];
  readonly ambient: readonly string[];
}

/** `type` is a name of `rlimits.ts`. */
export interface SpecRlimit {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

export interface SpecMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
  readonly uidMappings?: readonly SpecIdMapping[];
  readonly gidMappings?: readonly SpecIdMapping[];
  /** Begins with what the image has at `destination`; the OCI has no word for it, but for tmpfs. */
  readonly copyUp?: boolean;
  /** Of type "image", which the OCI has no words for: what is mounted. Layers of the host, top first; "" is the root. */
  readonly image?: { readonly lower: readonly HostPath[]; readonly path: string };
}

export interface SpecIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface SpecNamespace {
  readonly type: string;
  readonly path?: string;
}

export interface SpecLinux {
  readonly namespaces: readonly SpecNamespace[];
  readonly uidMappings?: readonly SpecIdMapping[];
  readonly gidMappings?: readonly SpecIdMapping[];
  readonly devices: readonly SpecDevice[];
  readonly cgroupsPath: string;
  readonly resources: SpecResources;
  readonly seccomp?: SpecSeccomp;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly rootfsPropagation?: string;
  readonly mountLabel?: string;
}

export interface SpecDevice {
  readonly path: string;
  readonly type: string;
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Sizes are doubles, as JSON has them: above 2^53 they round by at most 1 KiB, which is below the page the kernel rounds
 * memory limits to.
 */
export interface SpecResources {
  readonly devices: readonly SpecDeviceRule[];
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  /** `swap` is memory plus swap; -1 is unlimited. */
  readonly memory?: { readonly limit?: number; readonly swap?: number };
  readonly pids?: { readonly limit: number };
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  readonly unified?: Readonly<Record<string, string>>;
}

/** Absent `major` or `minor`: any. */
export interface SpecDeviceRule {
  readonly allow: boolean;
  readonly type?: "a" | "b" | "c";
  readonly major?: number;
  readonly minor?: number;
  readonly access?: string;
}

export interface SpecSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly flags?: readonly string[];
  readonly syscalls: readonly SpecSyscall[];
}

export interface SpecSyscall {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SpecSyscallArg[];
}

/** Values over 2⁵³ are decimal text, for a number would lose bits. */
export interface SpecSyscallArg {
  readonly index: number;
  readonly value: number | string;
  readonly valueTwo?: number | string;
  readonly op: string;
}
