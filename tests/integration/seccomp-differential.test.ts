import { afterAll, describe, expect, test } from "bun:test";
import { z } from "zod";
import { SecurityProfile_ProfileType } from "../../src/gen/runtime/v1/api_pb.ts";
import type { EngineKind } from "../harness/engine.ts";
import { TestBed } from "../harness/test-bed.ts";

/** The part of an OCI runtime-spec that says what may be called. */
const specSchema = z.object({
  runtimeSpec: z.object({
    linux: z.object({
      seccomp: z.object({
        defaultAction: z.string(),
        architectures: z.array(z.string()),
        syscalls: z.array(
          z.object({
            names: z.array(z.string()),
            action: z.string(),
            args: z
              .array(
                z.object({ index: z.number(), value: z.number(), valueTwo: z.number().default(0), op: z.string() }),
              )
              .nullish(),
          }),
        ),
      }),
    }),
  }),
});
type Profile = z.infer<typeof specSchema>["runtimeSpec"]["linux"]["seccomp"];

const capabilitySets: readonly [name: string, capabilities: { add?: string[]; drop?: string[] }][] = [
  ["the default ones", {}],
  ["none", { drop: ["ALL"] }],
  ...[
    "SYS_ADMIN",
    "SYS_PTRACE",
    "SYS_MODULE",
    "SYS_TIME",
    "SYS_BOOT",
    "BPF",
    "PERFMON",
    "SYSLOG",
    "DAC_READ_SEARCH",
  ].map((name): [string, { add: string[] }] => [`and ${name}`, { add: [name] }]),
];

/** The profile as lines of "syscall, conditions: action", which is what two profiles can be compared by. */
function rules({ syscalls }: Profile): Set<string> {
  return new Set(
    syscalls.flatMap(({ names, action, args }) =>
      names.map((name) => {
        const conditions = (args ?? []).map((arg) => `${arg.index} ${arg.op} ${arg.value} ${arg.valueTwo}`);
        return [name, ...conditions, action].join(", ");
      }),
    ),
  );
}

const allowed = (name: string): string => `${name}, SCMP_ACT_ALLOW`;

/**
 * What crib allows and the containerd of Debian 12 (1.6.20) does not: calls that Linux has got since, and those of which later
 * containerds say the same.
 */
const newerCalls = new Set(
  [
    ["cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "getxattrat", "listmount", "listxattrat"],
    ["lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "map_shadow_stack", "mseal", "removexattrat"],
    ["setxattrat", "statmount", "uretprobe"],
    // Harmless without the capabilities that open_by_handle_at, or another user's process, ask for.
    ["name_to_handle_at", "process_vm_readv", "process_vm_writev"],
  ]
    .flat()
    .map(allowed),
);
/** Kernel exploits' favourite since (containerd 1.7.7 took it out for that), and sockets of the hypervisor and the crypto API. */
const forbiddenSince = new Set(["io_uring_enter", "io_uring_register", "io_uring_setup", "socket"].map(allowed));
const socketsButThose = /^socket, 0 SCMP_CMP_(LT|EQ|GT) \d+ 0, SCMP_ACT_ALLOW$/;

const profiles = new Map<EngineKind, Map<string, Profile>>();
const beds: TestBed[] = [];
afterAll(async () => {
  // The last one opened first: each holds the host to look as when it was opened.
  for (const bed of beds.toReversed()) await bed.close();
});

async function profilesOf(kind: EngineKind): Promise<Map<string, Profile>> {
  const known = profiles.get(kind);
  if (known !== undefined) return known;
  const bed = new TestBed(kind);
  beds.push(bed);
  await bed.open({});
  const pod = await bed.runPod();
  const found = new Map<string, Profile>();
  for (const [name, { add = [], drop = [] }] of capabilitySets) {
    const securityContext = {
      seccomp: { profileType: SecurityProfile_ProfileType.RuntimeDefault },
      capabilities: { addCapabilities: add, dropCapabilities: drop },
    };
    const container = await bed.create(pod, { linux: { securityContext } });
    const { info } = await bed.cri.runtime.containerStatus({ containerId: container.id, verbose: true });
    found.set(name, specSchema.parse(JSON.parse(info["info"] ?? "")).runtimeSpec.linux.seccomp);
  }
  await pod.stop();
  await pod.remove();
  profiles.set(kind, found);
  return found;
}

describe("RuntimeDefault is containerd's profile, but for what is known", () => {
  test.each(capabilitySets.map(([name]) => name))(
    "with capabilities: %s",
    async (name) => {
      const ours = (await profilesOf("crib")).get(name);
      const theirs = (await profilesOf("containerd")).get(name);
      if (ours === undefined || theirs === undefined) throw new Error("a profile is missing");
      expect(ours.defaultAction).toBe(theirs.defaultAction);
      expect(ours.architectures).toEqual(theirs.architectures);
      const [ourRules, theirRules] = [rules(ours), rules(theirs)];
      const more = [...ourRules].filter((rule) => !theirRules.has(rule) && !newerCalls.has(rule));
      const less = [...theirRules].filter((rule) => !ourRules.has(rule) && !forbiddenSince.has(rule));
      expect(more.filter((rule) => !socketsButThose.test(rule))).toEqual([]);
      expect(less).toEqual([]);
      for (const rule of forbiddenSince) expect(ourRules.has(rule)).toBe(false);
    },
    60_000,
  );
});
