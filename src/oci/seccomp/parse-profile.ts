import { CribError, invalidArgument } from "../../errors/crib-error.ts";
import type { ForeignRules } from "../../json/foreign-json.ts";
import { type ForeignObject, parseForeignObject } from "../../json/foreign-object.ts";
import type { SpecSeccomp } from "../runtime-spec.ts";
import { knownArchitectures, seccompArchitectures } from "./architectures.ts";
import type { SeccompContext } from "./default-profile.ts";
import { appliesTo, parseRule, ruleErrno, seccompActions } from "./parse-rule.ts";

/** More than any profile in the field; libseccomp's time grows with it. */
const profileRules: ForeignRules = Object.freeze({ maxBytes: 1 << 20, repeatedKeys: "last-counts" });

const keptFlags: ReadonlySet<string> = new Set([
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
]);
/** About the agent that crib does not have. */
const droppedFlags: ReadonlySet<string> = new Set(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]);

/**
 * A profile in OCI's, docker's or containers/common's JSON, reduced to what applies to a container of `context`: conditions are
 * decided, the architecture map resolved. What runc and podman accept is accepted, with the same meaning; fields that nobody
 * knows are ignored as they do, calls that libseccomp does not know are left out when the filter is compiled.
 *
 * @throws {CribError} invalid-argument for an action, flag, operator or value that is none: what such a rule was to do cannot
 * be guessed. SCMP_ACT_NOTIFY needs an agent, and has none here.
 */
export function parseSeccompProfile(text: string, name: string, context: SeccompContext): SpecSeccomp {
  const what = `seccomp profile ${JSON.stringify(name)}`;
  try {
    return readProfile(parseForeignObject(text, what, profileRules), what, context);
  } catch (error) {
    throw CribError.is(error, "data-loss") ? invalidArgument(error.message, error) : error;
  }
}

function readProfile(fields: ForeignObject, what: string, context: SeccompContext): SpecSeccomp {
  if (fields.text("listenerPath") !== "") throw invalidArgument(`${what} names a listener, and crib has no such agent`);
  const defaultAction = fields.text("defaultAction");
  if (!seccompActions.has(defaultAction))
    throw invalidArgument(`${what}: defaultAction ${JSON.stringify(defaultAction)} is unknown`);
  const defaultErrnoRet = ruleErrno(fields, defaultAction, "defaultErrno", what);
  const flags = fields.texts("flags").filter((flag) => !droppedFlags.has(flag));
  const unknownFlag = flags.find((flag) => !keptFlags.has(flag));
  if (unknownFlag !== undefined) throw invalidArgument(`${what}: flag ${JSON.stringify(unknownFlag)} is unknown`);
  const syscalls = fields
    .objects("syscalls")
    .filter((rule) => appliesTo(rule, context, what))
    .map((rule) => parseRule(rule, what))
    .filter(({ names }) => names.length > 0);
  return {
    defaultAction,
    ...(defaultErrnoRet !== undefined && { defaultErrnoRet }),
    architectures: resolveArchitectures(fields, what, context),
    ...(flags.length > 0 && { flags }),
    syscalls,
  };
}

/** No list at all means the native architecture only to libseccomp: all others are then killed, which is safe. */
function resolveArchitectures(fields: ForeignObject, what: string, context: SeccompContext): readonly string[] {
  const native = seccompArchitectures[context.architecture][0];
  const mapped = fields.objects("archMap").find((entry) => entry.text("architecture") === native);
  const names =
    mapped === undefined
      ? fields.texts("architectures")
      : [mapped.text("architecture"), ...mapped.texts("subArchitectures")];
  const unknown = names.find((name) => !knownArchitectures.has(name));
  if (unknown !== undefined) throw invalidArgument(`${what}: unknown architecture ${JSON.stringify(unknown)}`);
  return names;
}
