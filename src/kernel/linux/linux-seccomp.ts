import type { Pointer } from "bun:ffi";
import { invalidArgument } from "../../errors/crib-error.ts";
import type { SeccompCalls, SeccompProfile, SeccompRule } from "../port.ts";
import { seccompAction, seccompArchName, seccompOperator } from "../seccomp-actions.ts";
import { cString } from "./c-string.ts";
import { type Calls, checkedShim } from "./linux-calls.ts";
import type { Shim } from "./linux-shim.ts";

/** BPF_MAXINSNS (4096) instructions of 8 bytes: the kernel loads no longer program. */
const PROGRAM_BYTES = 4096 * 8;
/** `struct crib_seccomp_arg` of ffi/libcrib/crib.h. */
const ARGUMENT_BYTES = 24;
const ARGUMENTS_MAX = 6;

type SeccompArgument = SeccompRule["args"][number];

export function seccompCalls({ shim }: Calls): SeccompCalls {
  return {
    compileSeccomp(profile) {
      using builder = newBuilder(shim, seccompAction(profile.defaultAction, profile.defaultErrnoRet));
      addArchitectures(shim, builder.pointer, profile);
      for (const rule of profile.syscalls) addRule(shim, builder.pointer, rule);
      const program = new Uint8Array(PROGRAM_BYTES);
      const bytes = checkedShim(shim.crib_seccomp_export(builder.pointer, program, program), "seccomp_export_bpf");
      return program.slice(0, bytes);
    },
  };
}

function newBuilder(shim: Shim, defaultAction: number): Disposable & { readonly pointer: Pointer } {
  const out = new BigUint64Array(1);
  checkedShim(shim.crib_seccomp_new(defaultAction >>> 0, out), "seccomp_init");
  const pointer = Number(out[0]) as Pointer;
  return { pointer, [Symbol.dispose]: () => shim.crib_seccomp_free(pointer) };
}

function addArchitectures(shim: Shim, builder: Pointer, profile: SeccompProfile): void {
  for (const name of profile.architectures) {
    const result = shim.crib_seccomp_add_arch(builder, cString(seccompArchName(name), "architecture"));
    if (result < 0) throw invalidArgument(`seccomp architecture ${JSON.stringify(name)} is unknown to libseccomp`);
  }
}

function addRule(shim: Shim, builder: Pointer, rule: SeccompRule): void {
  const action = seccompAction(rule.action, rule.errnoRet) >>> 0;
  const alternatives = conditions(rule.args);
  for (const name of rule.names) {
    for (const args of alternatives) {
      const encoded = encodeArguments(args);
      const result = shim.crib_seccomp_add_rule(builder, cString(name, "syscall"), action, encoded, args.length);
      checkedShim(result, "seccomp_rule_add", name);
    }
  }
}

/**
 * Conditions of one rule hold together; only libseccomp cannot compare one argument twice in a rule. runc reads such a
 * rule as alternatives, and profiles are written for that.
 */
function conditions(args: readonly SeccompArgument[]): readonly (readonly SeccompArgument[])[] {
  const repeated = new Set(args.map((arg) => arg.index)).size < args.length;
  return repeated ? args.map((arg) => [arg]) : [args];
}

function encodeArguments(args: readonly SeccompArgument[]): Uint8Array {
  // One more than needed: an empty array has no address to pass.
  const view = new DataView(new ArrayBuffer((args.length + 1) * ARGUMENT_BYTES));
  for (const [position, arg] of args.entries()) {
    if (!Number.isInteger(arg.index) || arg.index < 0 || arg.index >= ARGUMENTS_MAX) {
      throw invalidArgument(`seccomp argument index ${arg.index} is not 0 to ${ARGUMENTS_MAX - 1}`);
    }
    const at = position * ARGUMENT_BYTES;
    view.setUint32(at, arg.index, true);
    view.setUint32(at + 4, seccompOperator(arg.op), true);
    view.setBigUint64(at + 8, arg.value, true);
    view.setBigUint64(at + 16, arg.valueTwo, true);
  }
  return new Uint8Array(view.buffer);
}
