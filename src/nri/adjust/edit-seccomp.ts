import { failedPrecondition } from "../../errors/crib-error.ts";
import type { LinuxSeccomp, LinuxSyscall } from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { SpecLinux, SpecSyscall } from "../../oci/runtime-spec.ts";
import type { Claims } from "./claims.ts";

/** A plugin's filter in the place of the container's. A listener of its own would be a process crib does not know. */
export function editSeccomp(
  policy: LinuxSeccomp | undefined,
  claims: Claims,
  plugin: string,
): Pick<SpecLinux, "seccomp"> {
  if (policy === undefined) return {};
  if (policy.listenerPath !== "") {
    throw failedPrecondition(`plugin ${JSON.stringify(plugin)} asks for a seccomp listener, which crib does not serve`);
  }
  claims.claim(plugin, "seccomp policy");
  return {
    seccomp: {
      defaultAction: policy.defaultAction,
      ...(policy.defaultErrno !== undefined && { defaultErrnoRet: policy.defaultErrno.value }),
      architectures: [...policy.architectures],
      ...(policy.flags.length > 0 && { flags: [...policy.flags] }),
      syscalls: policy.syscalls.map(specSyscall),
    },
  };
}

function specSyscall({ names, action, errnoRet, args }: LinuxSyscall): SpecSyscall {
  return {
    names: [...names],
    action,
    ...(errnoRet !== undefined && { errnoRet: errnoRet.value }),
    ...(args.length > 0 && {
      args: args.map(({ index, value, valueTwo, op }) => ({
        index,
        value: exact(value),
        valueTwo: exact(valueTwo),
        op,
      })),
    }),
  };
}

/** Over 2⁵³ a number would lose bits. */
function exact(value: bigint): number | string {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? value.toString() : Number(value);
}
