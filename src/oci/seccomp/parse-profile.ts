import { z } from "zod";
import { invalidArgument } from "../../errors/crib-error.ts";
import { isCapabilityName } from "../../kernel/capabilities.ts";
import type { SpecSeccomp, SpecSyscall } from "../runtime-spec.ts";
import { knownArchitectures, seccompArchitectures } from "./architectures.ts";
import type { SeccompContext } from "./default-profile.ts";

/** More than any profile in the field; libseccomp's time grows with it. */
const maxProfileBytes = 1 << 20;

const actions = z.enum([
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_LOG",
  "SCMP_ACT_ALLOW",
]);

const operators = z.enum([
  "SCMP_CMP_NE",
  "SCMP_CMP_LT",
  "SCMP_CMP_LE",
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ",
]);

const flags = z.enum(["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"]);

const architecture = z.string().refine((name) => knownArchitectures.has(name), "unknown architecture");
const capability = z.string().refine((name) => isCapabilityName(name), "unknown capability");
const errno = z.int().min(0).max(4095);
/** A JSON number above 2^53 has lost bits already: a rule comparing with the wrong value must not pass. */
const argument = z.int().min(0);

const filter = z.strictObject({
  caps: z.array(capability).nullish(),
  arches: z.array(z.string()).nullish(),
  minKernel: z
    .string()
    .regex(/^[0-9]{1,4}\.[0-9]{1,4}(?:\.|$)/)
    .nullish(),
});

const syscall = z.strictObject({
  names: z.array(z.string().regex(/^[a-z0-9_]{1,64}$/)).optional(),
  name: z
    .string()
    .regex(/^[a-z0-9_]{1,64}$/)
    .optional(),
  action: actions,
  errnoRet: errno.nullish(),
  args: z
    .array(
      z.strictObject({ index: z.int().min(0).max(5), value: argument, valueTwo: argument.optional(), op: operators }),
    )
    .max(64)
    .nullish(),
  comment: z.string().optional(),
  includes: filter.optional(),
  excludes: filter.optional(),
});

const profileSchema = z.strictObject({
  defaultAction: actions,
  defaultErrnoRet: errno.nullish(),
  architectures: z.array(architecture).nullish(),
  archMap: z.array(z.strictObject({ architecture, subArchitectures: z.array(architecture).nullish() })).nullish(),
  flags: z.array(flags).nullish(),
  syscalls: z.array(syscall).nullish(),
});

/**
 * A profile in OCI's or docker's JSON, reduced to what applies to a container of `context`: conditions are decided, the
 * architecture map resolved.
 *
 * @throws {CribError} invalid-argument for anything it does not understand: a rule that is skipped is a hole, an action that
 * needs an agent (SCMP_ACT_NOTIFY) has none here.
 */
export function parseSeccompProfile(text: string, name: string, context: SeccompContext): SpecSeccomp {
  const profile = readProfile(text, name);
  const syscalls = (profile.syscalls ?? [])
    .filter(
      (rule) => (rule.includes === undefined || includes(rule.includes, context)) && !excludes(rule.excludes, context),
    )
    .map((rule) => reduceRule(rule, name));
  return {
    defaultAction: profile.defaultAction,
    ...(typeof profile.defaultErrnoRet === "number" && { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: resolveArchitectures(profile, context),
    ...(profile.flags && profile.flags.length > 0 && { flags: profile.flags }),
    syscalls,
  };
}

type Profile = z.infer<typeof profileSchema>;
type Rule = z.infer<typeof syscall>;
type Filter = z.infer<typeof filter>;

function readProfile(text: string, name: string): Profile {
  if (text.length > maxProfileBytes)
    throw invalidArgument(`seccomp profile ${JSON.stringify(name)} is larger than ${maxProfileBytes} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalidArgument(`seccomp profile ${JSON.stringify(name)} is not JSON: ${String(error)}`, error);
  }
  const result = profileSchema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalidArgument(
    `seccomp profile ${JSON.stringify(name)} at ${issue?.path.join(".") || "top level"}: ${issue?.message}`,
  );
}

function reduceRule(rule: Rule, profileName: string): SpecSyscall {
  const names = rule.names ?? (rule.name === undefined ? [] : [rule.name]);
  if (names.length === 0)
    throw invalidArgument(`seccomp profile ${JSON.stringify(profileName)} has a rule without names`);
  const args = (rule.args ?? []).map(({ valueTwo, ...arg }) => ({
    ...arg,
    ...(valueTwo !== undefined && { valueTwo }),
  }));
  return {
    names,
    action: rule.action,
    ...(typeof rule.errnoRet === "number" && { errnoRet: rule.errnoRet }),
    ...(args.length > 0 && { args }),
  };
}

/** All conditions of `includes` must hold; each list holds when any one (architectures) or all (capabilities) of it do. */
function includes(condition: Filter, context: SeccompContext): boolean {
  const { caps, arches, minKernel } = condition;
  if (arches && arches.length > 0 && !arches.includes(context.architecture)) return false;
  if (caps && !caps.every((name) => context.capabilities.includes(name))) return false;
  return !minKernel || kernelAtLeast(context, minKernel);
}

/** Any condition of `excludes` that holds takes the rule out. */
function excludes(condition: Filter | undefined, context: SeccompContext): boolean {
  if (condition === undefined) return false;
  const { caps, arches, minKernel } = condition;
  if (arches?.includes(context.architecture)) return true;
  if (caps?.some((name) => context.capabilities.includes(name))) return true;
  return Boolean(minKernel) && kernelAtLeast(context, minKernel ?? "");
}

function kernelAtLeast({ kernelVersion }: SeccompContext, wanted: string): boolean {
  const [major = 0, minor = 0] = wanted.split(".").map(Number);
  return kernelVersion.major > major || (kernelVersion.major === major && kernelVersion.minor >= minor);
}

/** No list at all means the native architecture only to libseccomp: all others are then killed, which is safe. */
function resolveArchitectures(profile: Profile, context: SeccompContext): readonly string[] {
  const native = seccompArchitectures[context.architecture][0];
  const mapped = profile.archMap?.find((entry) => entry.architecture === native);
  if (mapped !== undefined) return [mapped.architecture, ...(mapped.subArchitectures ?? [])];
  return profile.architectures ?? [];
}
