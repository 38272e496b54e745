import { invalidArgument } from "../errors/crib-error.ts";

/** EPERM, what SCMP_ACT_ERRNO and SCMP_ACT_TRACE answer when the profile names no errno (runtime-spec, `errnoRet`). */
const DEFAULT_ERRNO = 1;

/** OCI runtime-spec config-linux.md#seccomp → `SECCOMP_RET_*`; the two with data carry it in the low 16 bits. */
const actions: Readonly<Record<string, { readonly value: number; readonly carriesErrno: boolean }>> = {
  SCMP_ACT_KILL: { value: 0x0000_0000, carriesErrno: false },
  SCMP_ACT_KILL_THREAD: { value: 0x0000_0000, carriesErrno: false },
  SCMP_ACT_KILL_PROCESS: { value: 0x8000_0000, carriesErrno: false },
  SCMP_ACT_TRAP: { value: 0x0003_0000, carriesErrno: false },
  SCMP_ACT_ERRNO: { value: 0x0005_0000, carriesErrno: true },
  SCMP_ACT_NOTIFY: { value: 0x7fc0_0000, carriesErrno: false },
  SCMP_ACT_TRACE: { value: 0x7ff0_0000, carriesErrno: true },
  SCMP_ACT_LOG: { value: 0x7ffc_0000, carriesErrno: false },
  SCMP_ACT_ALLOW: { value: 0x7fff_0000, carriesErrno: false },
};

/** @throws {CribError} invalid-argument for an unknown action, or an errno with an action that carries none. */
export function seccompAction(name: string, errnoRet: number | undefined): number {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) throw invalidArgument(`seccomp action ${JSON.stringify(name)} is unknown`);
  if (!action.carriesErrno) {
    if (errnoRet !== undefined && errnoRet !== 0) throw invalidArgument(`seccomp action ${name} takes no errnoRet`);
    return action.value;
  }
  const errno = errnoRet ?? DEFAULT_ERRNO;
  if (!Number.isInteger(errno) || errno < 0 || errno > 0xffff)
    throw invalidArgument(`seccomp errnoRet ${errno} is out of range`);
  return action.value | errno;
}

/** `enum scmp_compare` of libseccomp. */
const operators: Readonly<Record<string, number>> = {
  SCMP_CMP_NE: 1,
  SCMP_CMP_LT: 2,
  SCMP_CMP_LE: 3,
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_MASKED_EQ: 7,
};

/** @throws {CribError} invalid-argument for an unknown operator. */
export function seccompOperator(name: string): number {
  const operator = Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (operator === undefined) throw invalidArgument(`seccomp operator ${JSON.stringify(name)} is unknown`);
  return operator;
}

/** `SCMP_ARCH_X86_64` → `x86_64`, the name libseccomp knows it by. */
export function seccompArchName(name: string): string {
  if (!/^SCMP_ARCH_[A-Z0-9_]+$/.test(name))
    throw invalidArgument(`seccomp architecture ${JSON.stringify(name)} is unknown`);
  return name.slice("SCMP_ARCH_".length).toLowerCase();
}
