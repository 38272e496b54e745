import { invalidArgument } from "../../errors/crib-error.ts";
import type { CapabilityName } from "../../kernel/capabilities.ts";
import {
  Capability as CapabilityNumber,
  capabilityMask,
  capabilityNames,
  isCapabilityName,
} from "../../kernel/capabilities.ts";
import type { RequestedCapabilities } from "../../spec/security-context.ts";
import type { SpecCapabilities } from "../runtime-spec.ts";

/** What a container has when its pod asks for no others: containerd's set, which workloads are written against. */
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
] as const satisfies readonly CapabilityName[];

/**
 * The five sets of a container's process. Additions come before removals, `ALL` before single names. What the host itself
 * lacks is left out. Inheritable stays empty but for what ambient needs (CVE-2022-24769). A user that is not root keeps the
 * sets here; execve clears its permitted and effective ones.
 *
 * @throws {CribError} invalid-argument for a capability that does not exist.
 */
export function resolveCapabilities(
  request: RequestedCapabilities | undefined,
  privileged: boolean,
  hostMask: bigint,
): SpecCapabilities {
  if (privileged) return capabilitySets(hostMask, 0n);
  const added = request?.addCapabilities ?? [];
  const dropped = request?.dropCapabilities ?? [];
  let mask = capabilityMask(defaultNames);
  if (added.some(isAll)) mask = hostMask;
  if (dropped.some(isAll)) mask = 0n;
  mask |= parseMask(added.filter((name) => !isAll(name)));
  mask &= ~parseMask(dropped.filter((name) => !isAll(name)));
  const ambient = parseMask(request?.addAmbientCapabilities ?? []) & hostMask;
  return capabilitySets((mask & hostMask) | ambient, ambient);
}

/** `CAP_` may be left out. @throws {CribError} invalid-argument for an unknown name. */
function parseMask(names: readonly string[]): bigint {
  return capabilityMask(names.map(parseName));
}

function parseName(text: string): CapabilityName {
  const upper = text.toUpperCase();
  const name = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (!isCapabilityName(name)) throw invalidArgument(`capability ${JSON.stringify(text.slice(0, 80))} does not exist`);
  return name;
}

function isAll(name: string): boolean {
  return name.toUpperCase() === "ALL";
}

function capabilitySets(mask: bigint, ambient: bigint): SpecCapabilities {
  const names = namesOf(mask);
  const ambientNames = namesOf(ambient);
  return { bounding: names, effective: names, inheritable: ambientNames, permitted: names, ambient: ambientNames };
}

function namesOf(mask: bigint): readonly string[] {
  return capabilityNames.filter((name) => ((mask >> BigInt(CapabilityNumber[name])) & 1n) === 1n);
}
