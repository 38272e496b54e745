import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { fixtureHost, specInput } from "../../../../tests/fixtures/spec-input.ts";
import { requestedMount } from "../../../../tests/fixtures/specs.ts";
import { NamespaceMode } from "../../../gen/runtime/v1/api_pb.ts";
import { parseHostPath } from "../../../ids/path.ts";
import type { Pid } from "../../../ids/process.ts";
import { buildContainerSpec } from "../../../oci/container-spec.ts";
import type { CgroupMount } from "../../../oci/mounts/cgroup-mount.ts";
import { buildExecProcess } from "../../../oci/process/exec-process.ts";
import { type ContainerPlanInput, compileContainerPlan } from "./compile-container.ts";
import { compileExecPlan } from "./compile-exec.ts";
import type { LaunchPlan, PlanStep } from "./steps.ts";

const updateGolden = Bun.env["UPDATE_GOLDEN"] === "1";

const v2Mounts: readonly CgroupMount[] = [{ fsType: "cgroup2", name: "", options: [], aliases: [] }];
const v1Mounts: readonly CgroupMount[] = [
  { fsType: "cgroup", name: "cpu,cpuacct", options: ["cpu", "cpuacct"], aliases: ["cpu", "cpuacct"] },
  { fsType: "cgroup2", name: "unified", options: [], aliases: [] },
];

function planInput(
  config: Parameters<typeof specInput>[0],
  changes: Partial<ContainerPlanInput> = {},
  specChanges: Parameters<typeof specInput>[1] = {},
): ContainerPlanInput {
  const container = "/var/lib/crib/containers/c";
  return {
    spec: buildContainerSpec(specInput(config, specChanges)),
    rootfs: {
      lower: [parseHostPath("/var/lib/crib/layers/b"), parseHostPath("/var/lib/crib/layers/a")],
      upper: parseHostPath(`${container}/upper`),
      work: parseHostPath(`${container}/work`),
      attachAt: parseHostPath(`${container}/rootfs`),
    },
    procsFiles: [parseHostPath("/sys/fs/cgroup/pod/c/cgroup.procs")],
    cgroupMounts: v2Mounts,
    seccompProgram: undefined,
    pidNamespace: { kind: "own" },
    ...changes,
  };
}

/** One line a step: what a reviewer reads, and what the order is judged by. */
function describePlan(plan: LaunchPlan): string {
  const head = `clone ${hex(plan.cloneFlags)} pid ${JSON.stringify(plan.pidNamespace)} join ${JSON.stringify(plan.join ?? null)}`;
  return `${[head, ...plan.steps.map(describeStep)].join("\n")}\n`;
}

function describeStep({ kind, ...rest }: PlanStep): string {
  const show = (_key: string, value: unknown) => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
    return typeof value === "bigint" ? `0x${value.toString(16)}` : value;
  };
  return `${kind} ${JSON.stringify(rest, show)}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

const program = Uint8Array.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
const confined = {
  linux: { securityContext: { noNewPrivs: true, runAsUser: { value: 1000n }, readonlyRootfs: true } },
};
const bytes = { key: "BYTES", value: Uint8Array.of(0xff) };

const pods = { hostId: 100_000, containerId: 0, length: 65_536 };

function usernsInput(): ContainerPlanInput {
  const namespaceOptions = { usernsOptions: { mode: NamespaceMode.POD, uids: [pods], gids: [pods] } };
  const security = { linux: { securityContext: { namespaceOptions } } };
  return planInput(
    {
      linux: { securityContext: { namespaceOptions, runAsUser: { value: 1000n } } },
      mounts: [
        { containerPath: "/mapped", hostPath: "/srv/mapped", uidMappings: [pods], gidMappings: [pods] },
        { containerPath: "/plain", hostPath: "/srv/plain" },
      ],
    },
    {},
    { sandbox: security, host: { ...fixtureHost, rlimits: [{ type: "RLIMIT_NOFILE", soft: 1024, hard: 4096 }] } },
  );
}

/** Volumes of the image's between an image volume and a bind: with content, without, and the same on tmpfs. */
function declaredVolumesInput(): ContainerPlanInput {
  const volume = (containerPath: string, hostPath: string) => requestedMount({ containerPath, hostPath });
  const [data, empty] = [volume("/data", "/var/lib/crib/containers/c/volumes/0"), volume("/empty", "/v/1")];
  const [memory, bare] = [volume("/memory", ""), volume("/bare", "")];
  const mounts = [data, empty, memory, bare, volume("/plain", "/srv/plain")];
  const anonymousVolumes = new Map([
    [data, { copyUp: true }],
    [empty, { copyUp: false }],
    [memory, { copyUp: true }],
    [bare, { copyUp: false }],
  ]);
  const namespaceOptions = { usernsOptions: { mode: NamespaceMode.POD, uids: [pods], gids: [pods] } };
  const selinuxOptions = { type: "container_t" };
  return planInput(
    { linux: { securityContext: { namespaceOptions, selinuxOptions } } },
    {},
    {
      mounts,
      anonymousVolumes,
      sandbox: { linux: { securityContext: { namespaceOptions } } },
      host: { ...fixtureHost, selinux: true },
    },
  );
}

/** An image volume between two binds: slots and order are what matters. */
function imageVolumeInput(): ContainerPlanInput {
  const mount = requestedMount({ containerPath: "/model", readonly: true, imageSubPath: "data" });
  const lower = [parseHostPath("/var/lib/crib/layers/d"), parseHostPath("/var/lib/crib/layers/c")];
  return planInput(
    {},
    {},
    {
      mounts: [requestedMount({ containerPath: "/plain", hostPath: "/srv/plain" }), mount],
      imageVolumes: new Map([[mount, { imageId: `sha256:${"a".repeat(64)}`, lower, path: "data" }]]),
    },
  );
}

const goldens: Readonly<Record<string, LaunchPlan>> = {
  "container-v2": compileContainerPlan(planInput({})),
  "container-hybrid-terminal": compileContainerPlan(
    planInput(
      { tty: true, envs: [bytes], workingDir: "/work" },
      { cgroupMounts: v1Mounts, pidNamespace: { kind: "pod" } },
    ),
  ),
  "container-confined": compileContainerPlan(
    planInput(
      {
        ...confined,
        mounts: [{ containerPath: "/ro", hostPath: "/srv/ro", readonly: true, recursiveReadOnly: true }],
      },
      { seccompProgram: program },
      {
        seccompProfile: {
          defaultAction: "SCMP_ACT_ERRNO",
          architectures: [],
          flags: ["SECCOMP_FILTER_FLAG_LOG"],
          syscalls: [],
        },
      },
    ),
  ),
  "container-userns": compileContainerPlan(usernsInput()),
  "container-image-volume": compileContainerPlan(imageVolumeInput()),
  "exec-userns": execPlan(usernsInput(), false),
  exec: execPlan(planInput({ ...confined }, { seccompProgram: program }), true),
};

function execPlan({ spec, procsFiles, seccompProgram }: ContainerPlanInput, terminal: boolean): LaunchPlan {
  const process = buildExecProcess(spec, ["true"], { terminal });
  return compileExecPlan({ spec, process, targetPid: 4711 as Pid, procsFiles, seccompProgram });
}

describe("launch plans", () => {
  for (const [name, plan] of Object.entries(goldens)) {
    test("SELinux' label goes on the root, /dev and the terminals, and to the process", () => {
      const selinuxOptions = { type: "container_t", level: "s0:c1,c2" };
      const host = { ...fixtureHost, selinux: true };
      const { steps } = compileContainerPlan(
        planInput({ linux: { securityContext: { selinuxOptions } } }, {}, { host }),
      );
      const context = "context=system_u:object_r:container_file_t:s0:c1,c2";
      const labelled = steps.flatMap((step) => ("options" in step && step.options.includes(context) ? [step] : []));
      expect(labelled.map((step) => (step.kind === "mount" ? step.fsType : step.kind))).toEqual([
        "rootfs",
        "tmpfs",
        "devpts",
      ]);
      expect(steps).toContainEqual({
        kind: "lsm-label",
        lsm: "selinux",
        label: "system_u:system_r:container_t:s0:c1,c2",
      });
    });

    test(`are those of golden/${name}.txt`, () => {
      const path = `${import.meta.dir}/golden/${name}.txt`;
      const text = describePlan(plan);
      if (updateGolden) writeFileSync(path, text);
      expect(text).toBe(readFileSync(path, "utf8"));
    });
  }
});

describe("volumes that an image declares", () => {
  const { steps } = compileContainerPlan(declaredVolumesInput());
  const kinds = steps.map(({ kind }) => kind);
  const copies = steps.flatMap((step) => (step.kind === "copy-up" ? [step] : []));
  const slotOf = (target: string) =>
    steps.flatMap((step) => (step.kind === "bind" && step.target === target ? [step.slot] : []));

  test("are filled from the root that is made, while files can be given away", () => {
    expect(kinds.indexOf("copy-up")).toBeGreaterThan(kinds.indexOf("idmapped-rootfs"));
    expect(kinds.lastIndexOf("copy-up")).toBeLessThan(kinds.indexOf("enter-user-namespace"));
  });

  test("where the image has content; a tmpfs is made for it, with SELinux' label", () => {
    const context = "context=system_u:object_r:container_file_t:s0";
    expect(copies.map(({ path, onTmpfs, options }) => [path as string, onTmpfs, options])).toEqual([
      ["/data", false, []],
      ["/memory", true, [context]],
    ]);
    expect(steps).toContainEqual(expect.objectContaining({ kind: "mount", target: "/bare", options: [context] }));
  });

  test("have slots of their own, which are bound where they belong", () => {
    expect(copies.map(({ slot }) => [slot])).toEqual([slotOf("/data"), slotOf("/memory")]);
    const sources = steps.flatMap((step) => (step.kind === "open-source" ? [step.slot] : []));
    const filled = copies.flatMap(({ slot, onTmpfs }) => (onTmpfs ? [slot] : []));
    expect(new Set([...sources, ...filled]).size).toBe(sources.length + filled.length);
  });
});

describe("the order of a container's steps", () => {
  const plan = compileContainerPlan(planInput({ tty: true }, { seccompProgram: program, cgroupMounts: v1Mounts }));
  const kinds = plan.steps.map(({ kind }) => kind);
  const first = (kind: PlanStep["kind"]) => kinds.indexOf(kind);
  const last = (kind: PlanStep["kind"]) => kinds.lastIndexOf(kind);

  const rules: readonly [string, number, number][] = [
    ["the cgroup namespace follows the last join", last("join-cgroup"), first("unshare")],
    ["the oom score is written to the host's procfs", first("oom-score-adj"), first("pivot")],
    ["sources are opened before propagation is cut", last("open-source"), first("root-propagation")],
    ["nothing is mounted before propagation is cut", first("root-propagation"), first("rootfs")],
    ["mounts are made before devices", last("bind"), first("device")],
    ["devices are made before the pivot", last("device"), first("pivot")],
    ["the console comes from the container's devpts (CVE-2025-52565)", first("pivot"), first("console")],
    ["masks come after every mount (CVE-2025-31133)", last("mount"), first("mask")],
    ["the working directory is entered after the masks", last("mask"), last("working-directory")],
    ["without no_new_privs the filter needs privilege", last("seccomp"), first("user")],
    ["capabilities follow the user", first("user"), first("capabilities")],
  ];
  for (const [name, before, after] of rules) {
    test(name, () => {
      expect(before).toBeGreaterThanOrEqual(0);
      expect(before).toBeLessThan(after);
    });
  }

  test("exec is last, and only last", () => {
    expect(kinds.filter((kind) => kind === "exec")).toHaveLength(1);
    expect(kinds.at(-1)).toBe("exec");
  });

  test("with no_new_privs the filter is the last thing before exec", () => {
    const { steps } = compileContainerPlan(planInput(confined, { seccompProgram: program }));
    expect(steps.at(-2)?.kind).toBe("seccomp");
  });
});

describe("the order of a container's steps in a user namespace", () => {
  const kinds = compileContainerPlan(usernsInput()).steps.map(({ kind }) => kind);
  const entered = kinds.indexOf("enter-user-namespace");
  const privileged = ["join-cgroup", "oom-score-adj", "rlimit", "stdio-owner", "open-source", "idmap-source"] as const;
  for (const kind of [...privileged, "root-propagation", "idmapped-rootfs"] as const) {
    test(`${kind} has the host's privilege`, () => {
      expect(kinds).toContain(kind);
      expect(kinds.lastIndexOf(kind)).toBeLessThan(entered);
    });
  }
  for (const kind of ["mount", "bind", "device", "pivot", "working-directory", "user", "exec"] as const) {
    test(`${kind} has it no more`, () => expect(kinds.indexOf(kind)).toBeGreaterThan(entered));
  }
});

describe("compileContainerPlan()", () => {
  test("makes no device in a /dev that is bound from elsewhere", () => {
    const { steps } = compileContainerPlan(planInput({ mounts: [{ containerPath: "/dev", hostPath: "/srv/dev" }] }));
    expect(steps.some(({ kind }) => kind === "device")).toBe(false);
    expect(
      steps.filter(({ kind }) => kind === "mount").some((step) => "target" in step && step.target.startsWith("/dev")),
    ).toBe(false);
  });

  test("clones a pid namespace only for a container that has its own", () => {
    const newPid = 0x20000000;
    for (const kind of ["host", "pod"] as const) {
      expect(compileContainerPlan(planInput({}, { pidNamespace: { kind } })).cloneFlags & newPid).toBe(0);
    }
    expect(compileContainerPlan(planInput({})).cloneFlags & newPid).toBe(newPid);
  });

  test("passes bytes that are no UTF-8 to the workload as they are", () => {
    const exec = compileContainerPlan(planInput({ envs: [bytes] })).steps.at(-1);
    if (exec?.kind !== "exec") throw new Error("the last step is not exec");
    expect(exec.env.map((entry) => Buffer.from(entry).toString("latin1"))).toContain("BYTES=\u00ff");
  });

  test("gives an exec what confines its container", () => {
    const input = planInput(confined, { seccompProgram: program });
    const container = compileContainerPlan(input).steps;
    const exec = execPlan(input, false).steps;
    const confining = ["capabilities", "user", "seccomp", "no-new-privileges", "session-keyring"] as const;
    for (const kind of confining) {
      expect(exec.find((step) => step.kind === kind)).toEqual(container.find((step) => step.kind === kind));
      expect(exec.some((step) => step.kind === kind)).toBe(true);
    }
  });
});
