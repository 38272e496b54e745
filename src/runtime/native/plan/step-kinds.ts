import type { PlanStep } from "./steps.ts";

/** Numbers of the steps on the wire: `enum plan_step_kind` of ffi/wire/plan.h. Never reused. */
export const stepKinds = {
  "join-cgroup": 1,
  "oom-score-adj": 2,
  "join-namespace": 3,
  unshare: 4,
  hostname: 5,
  rlimit: 6,
  "open-source": 7,
  "root-propagation": 9,
  rootfs: 10,
  mount: 11,
  bind: 12,
  device: 13,
  symlink: 14,
  console: 15,
  pivot: 16,
  mask: 17,
  "read-only": 18,
  "read-only-root": 19,
  sysctl: 20,
  "session-keyring": 21,
  umask: 22,
  "lsm-label": 23,
  "no-new-privileges": 24,
  user: 25,
  capabilities: 26,
  seccomp: 27,
  "working-directory": 28,
  exec: 29,
  "stdio-owner": 30,
  "idmap-source": 31,
  "idmapped-rootfs": 32,
  "enter-user-namespace": 33,
  "open-image": 34,
  "copy-up": 45,
  hook: 40,
  runtime: 46,
  "shim-start": 47,
  shim: 48,
} as const satisfies Record<PlanStep["kind"], number>;

const names = new Map<number, string>(Object.entries(stepKinds).map(([name, number]) => [number, name]));

/** The name of a step as the C side numbers it; undefined for 0, which means no step of a plan. */
export function stepName(number: number): string | undefined {
  return number === 0 ? undefined : (names.get(number) ?? `step kind ${number}`);
}
