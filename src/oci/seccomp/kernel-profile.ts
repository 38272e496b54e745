import type { SeccompProfile } from "../../kernel/port.ts";
import type { SpecSeccomp } from "../runtime-spec.ts";

/** The profile in the form the compiler takes: every field there, values as the 64-bit integers they are compared as. */
export function kernelSeccompProfile(profile: SpecSeccomp): SeccompProfile {
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet !== undefined && { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: profile.architectures,
    flags: profile.flags ?? [],
    syscalls: profile.syscalls.map(({ names, action, errnoRet, args }) => ({
      names,
      action,
      ...(errnoRet !== undefined && { errnoRet }),
      args: (args ?? []).map(({ index, value, valueTwo, op }) => ({
        index,
        value: BigInt(value),
        valueTwo: BigInt(valueTwo ?? 0),
        op,
      })),
    })),
  };
}
