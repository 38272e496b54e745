import { internal } from "../../../errors/crib-error.ts";
import { parseRootfsPath } from "../../../ids/path.ts";
import { capabilityMask, isCapabilityName } from "../../../kernel/capabilities.ts";
import { isRlimitName, Rlimit } from "../../../kernel/rlimits.ts";
import { stringToBytes } from "../../../oci/byte-string.ts";
import type { SpecProcess, SpecRlimit } from "../../../oci/runtime-spec.ts";
import type { PlanStep } from "./steps.ts";

/** A compiled filter with the flags it is loaded with. */
export interface SeccompFilter {
  readonly program: Uint8Array;
  readonly flags: number;
}

/** OCI's names of seccomp(2) SECCOMP_SET_MODE_FILTER flags. */
const filterFlags: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 1 << 0,
  SECCOMP_FILTER_FLAG_LOG: 1 << 1,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 1 << 2,
};

export function seccompFilter(
  program: Uint8Array | undefined,
  flags: readonly string[] = [],
): SeccompFilter | undefined {
  if (program === undefined) return undefined;
  return { program, flags: flags.reduce((mask, name) => mask | filterFlag(name), 0) };
}

/**
 * From a finished root to the workload's first instruction: the part that a container's init and an exec share.
 *
 *   limits        raising one needs CAP_SYS_RESOURCE
 *   keyring       a new session: keys of the monitor's are not the workload's
 *   directory     as root, like runc: a user may be started in a directory it could not enter by itself
 *   label         before no_new_privs, under which AppArmor may refuse the transition
 *   no_new_privs  before the filter, which an unprivileged process may only load with it
 *   filter        here without no_new_privs, because loading it then needs CAP_SYS_ADMIN; with it last, so that the profile
 *                 need not allow what the steps between do
 *   user, capabilities, execve
 */
export function compileProcess(
  process: SpecProcess,
  filter: SeccompFilter | undefined,
  keyring: string,
  limits: readonly PlanStep[] = limitSteps(process),
): readonly PlanStep[] {
  const load: readonly PlanStep[] = filter === undefined ? [] : [{ kind: "seccomp", ...filter }];
  return [
    ...limits,
    { kind: "session-keyring", name: keyring },
    { kind: "umask", mask: process.user.umask ?? 0o022 },
    { kind: "working-directory", path: parseRootfsPath(process.cwd, "working directory"), create: false },
    ...labelSteps(process),
    ...(process.noNewPrivileges ? [{ kind: "no-new-privileges" } as const] : load),
    { kind: "user", uid: process.user.uid, gid: process.user.gid, groups: process.user.additionalGids },
    capabilityStep(process),
    ...(process.noNewPrivileges ? load : []),
    { kind: "exec", argv: process.args.map(stringToBytes), env: process.env.map(stringToBytes) },
  ];
}

export function limitSteps(process: SpecProcess): readonly PlanStep[] {
  return process.rlimits.map(rlimitStep);
}

function labelSteps({ apparmorProfile, selinuxLabel }: SpecProcess): readonly PlanStep[] {
  const steps: PlanStep[] = [];
  if (apparmorProfile !== undefined) steps.push({ kind: "lsm-label", lsm: "apparmor", label: apparmorProfile });
  if (selinuxLabel !== undefined) steps.push({ kind: "lsm-label", lsm: "selinux", label: selinuxLabel });
  return steps;
}

const noNames: readonly string[] = [];

function capabilityStep({ capabilities }: SpecProcess): PlanStep {
  return {
    kind: "capabilities",
    bounding: maskOf(capabilities?.bounding ?? noNames),
    effective: maskOf(capabilities?.effective ?? noNames),
    permitted: maskOf(capabilities?.permitted ?? noNames),
    inheritable: maskOf(capabilities?.inheritable ?? noNames),
    ambient: maskOf(capabilities?.ambient ?? noNames),
  };
}

function maskOf(names: readonly string[]): bigint {
  return capabilityMask(
    names.map((name) => {
      if (!isCapabilityName(name))
        throw internal(`spec names capability ${JSON.stringify(name)}, which does not exist`);
      return name;
    }),
  );
}

const infinity = 2n ** 64n - 1n;

function rlimitStep({ type, soft, hard }: SpecRlimit): PlanStep {
  if (!isRlimitName(type)) throw internal(`spec names resource limit ${JSON.stringify(type)}, which does not exist`);
  return { kind: "rlimit", resource: Rlimit[type], soft: limitValue(soft), hard: limitValue(hard) };
}

/** JSON's doubles cannot hold RLIM_INFINITY (2^64-1): what rounds to it or beyond means it. */
function limitValue(value: number): bigint {
  const exact = BigInt(Math.max(0, Math.trunc(value)));
  return exact > infinity ? infinity : exact;
}

function filterFlag(name: string): number {
  const flag = filterFlags[name];
  if (flag === undefined) throw internal(`spec names seccomp flag ${JSON.stringify(name)}, which does not exist`);
  return flag;
}
