import { invalidArgument } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import type { ForeignObject } from "../../json/foreign-object.ts";
import type { SpecSyscall, SpecSyscallArg } from "../runtime-spec.ts";
import type { SeccompContext } from "./default-profile.ts";

/** What a rule may do. */
export const seccompActions: ReadonlySet<string> = new Set(
  ["KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP", "ERRNO", "TRACE", "LOG", "ALLOW"].map((name) => `SCMP_ACT_${name}`),
);
const errnoActions: ReadonlySet<string> = new Set(["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"]);

const operators: ReadonlySet<string> = new Set(
  ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].map((name) => `SCMP_CMP_${name}`),
);

const maxErrno = 4095;
const maxIndex = 5;
const maxArgs = 64;

/** One rule, with its conditions left aside. Names that cannot be a call's are left out: there is no such call to allow. */
export function parseRule(rule: ForeignObject, what: string): SpecSyscall {
  if (rule.has("names") && rule.text("name") !== "")
    throw invalidArgument(`${what} has a rule with both name and names: write one`);
  const action = rule.text("action");
  if (!seccompActions.has(action)) throw invalidArgument(`${what}: action ${JSON.stringify(action)} is unknown`);
  const names = [...rule.texts("names"), rule.text("name")].filter((name) => /^[a-z0-9_]{1,64}$/.test(name));
  const args = rule.objects("args").map((arg) => parseArgument(arg, what));
  if (args.length > maxArgs) throw invalidArgument(`${what} has a rule with more than ${maxArgs} args`);
  const errnoRet = ruleErrno(rule, action, "errno", what);
  return { names, action, ...(errnoRet !== undefined && { errnoRet }), ...(args.length > 0 && { args }) };
}

/**
 * The errno of an action: `errno` by name (containers/common), `errnoRet` by number; the name wins, as there. Beside an action
 * that answers none it means nothing, for runc too.
 */
export function ruleErrno(
  fields: ForeignObject,
  action: string,
  field: "errno" | "defaultErrno",
  what: string,
): number | undefined {
  if (!errnoActions.has(action)) return undefined;
  const name = fields.text(field);
  const number = name === "" ? fields.wholeNumber(`${field}Ret`) : errnoByName.get(name);
  if (name !== "" && number === undefined)
    throw invalidArgument(`${what}: ${field} ${JSON.stringify(name)} is unknown`);
  if (number !== undefined && number > maxErrno)
    throw invalidArgument(`${what}: ${field}Ret ${number} is over ${maxErrno}`);
  return number;
}

const errnoByName: ReadonlyMap<string, number> = new Map(Object.entries(Errno));

function parseArgument(arg: ForeignObject, what: string): SpecSyscallArg {
  const index = arg.wholeNumber("index") ?? 0;
  if (index > maxIndex) throw invalidArgument(`${what} has a rule about argument ${index}, over ${maxIndex}`);
  const op = arg.text("op");
  if (!operators.has(op)) throw invalidArgument(`${what}: op ${JSON.stringify(op)} is unknown`);
  const valueTwo = arg.unsigned64("valueTwo");
  return {
    index,
    value: exact(arg.unsigned64("value") ?? 0n),
    ...(valueTwo !== undefined && { valueTwo: exact(valueTwo) }),
    op,
  };
}

/** The spec is kept as JSON, where a number over 2⁵³ would lose bits. */
function exact(value: bigint): number | string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value);
}

/** Whether a rule's `includes` all hold and none of its `excludes` does. */
export function appliesTo(rule: ForeignObject, context: SeccompContext, what: string): boolean {
  const [includes, excludes] = [rule.object("includes"), rule.object("excludes")];
  return (
    (includes === undefined || includesHold(includes, context, what)) &&
    !(excludes !== undefined && excludesHold(excludes, context, what))
  );
}

/** Each list holds when any one (architectures) or all (capabilities) of it do. */
function includesHold(condition: ForeignObject, context: SeccompContext, what: string): boolean {
  const arches = condition.texts("arches");
  if (arches.length > 0 && !arches.includes(context.architecture)) return false;
  if (!condition.texts("caps").every((name) => context.capabilities.includes(name))) return false;
  const minKernel = condition.text("minKernel");
  return minKernel === "" || kernelAtLeast(context, minKernel, what);
}

/** Any condition that holds takes the rule out. */
function excludesHold(condition: ForeignObject, context: SeccompContext, what: string): boolean {
  if (condition.texts("arches").includes(context.architecture)) return true;
  if (condition.texts("caps").some((name) => context.capabilities.includes(name))) return true;
  const minKernel = condition.text("minKernel");
  return minKernel !== "" && kernelAtLeast(context, minKernel, what);
}

function kernelAtLeast({ kernelVersion }: SeccompContext, wanted: string, what: string): boolean {
  const version = /^([0-9]{1,4})\.([0-9]{1,4})(?:\.|$)/.exec(wanted);
  if (version === null) throw invalidArgument(`${what}: minKernel ${JSON.stringify(wanted)} is not like "4.8"`);
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return kernelVersion.major > major || (kernelVersion.major === major && kernelVersion.minor >= minor);
}
