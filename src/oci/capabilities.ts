import { invalidArgument } from "../errors/crib-error.ts";
import type { Capability } from "../gen/runtime/v1/api_pb.ts";
import type { SpecCapabilities } from "./runtime-spec.ts";

/** Every Linux capability; the index is its number (include/uapi/linux/capability.h). */
export const capabilityNames = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

/** What a container has when nobody asks for more or less: containerd's set, which workloads are written against. */
const defaultNames = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
  "CAP_AUDIT_WRITE",
] as const;

/**
 * The five sets of a container's process. Additions come before removals, `ALL` before single names. What the host itself
 * lacks is left out. Inheritable stays empty but for what ambient needs (CVE-2022-24769). A user that is not root keeps the
 * sets here; execve clears its permitted and effective ones.
 *
 * @throws {CribError} invalid-argument for a capability that does not exist.
 */
export function resolveCapabilities(
  request: Capability | undefined,
  privileged: boolean,
  hostMask: bigint,
): SpecCapabilities {
  if (privileged) return capabilitySets(hostMask, 0n);
  const added = request?.addCapabilities ?? [];
  const dropped = request?.dropCapabilities ?? [];
  let mask = capabilityMask(defaultNames);
  if (added.some(isAll)) mask = hostMask;
  if (dropped.some(isAll)) mask = 0n;
  mask |= capabilityMask(added.filter((name) => !isAll(name)));
  mask &= ~capabilityMask(dropped.filter((name) => !isAll(name)));
  const ambient = capabilityMask(request?.addAmbientCapabilities ?? []) & hostMask;
  return capabilitySets((mask & hostMask) | ambient, ambient);
}

/** Bit n for capability n. @throws {CribError} invalid-argument for an unknown name; `CAP_` may be left out. */
export function capabilityMask(names: readonly string[]): bigint {
  let mask = 0n;
  for (const name of names) {
    const upper = name.toUpperCase();
    const number = numberByName.get(upper.startsWith("CAP_") ? upper : `CAP_${upper}`);
    if (number === undefined) throw invalidArgument(`capability ${JSON.stringify(name.slice(0, 80))} does not exist`);
    mask |= 1n << BigInt(number);
  }
  return mask;
}

const numberByName = new Map<string, number>(capabilityNames.map((name, number) => [name, number]));

function isAll(name: string): boolean {
  return name.toUpperCase() === "ALL";
}

function capabilitySets(mask: bigint, ambient: bigint): SpecCapabilities {
  const names = namesOf(mask);
  const ambientNames = namesOf(ambient);
  return { bounding: names, effective: names, inheritable: ambientNames, permitted: names, ambient: ambientNames };
}

function namesOf(mask: bigint): readonly string[] {
  return capabilityNames.filter((_name, number) => ((mask >> BigInt(number)) & 1n) === 1n);
}
