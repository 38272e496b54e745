import { parseContainerSpec } from "../../src/cri/spec/container-spec.ts";
import { parsePodSpec } from "../../src/cri/spec/pod-spec.ts";
import { checkMessage } from "../../src/cri/validate/check-message.ts";
import type { CreateContainerRequest, RunPodSandboxRequest } from "../../src/gen/runtime/v1/api_pb.ts";
import { CreateContainerRequestSchema, RunPodSandboxRequestSchema } from "../../src/gen/runtime/v1/api_pb.ts";
import { type ExecId, parseContainerId } from "../../src/ids/object-id.ts";
import { parseHostPath } from "../../src/ids/path.ts";
import type { Pid } from "../../src/ids/process.ts";
import { buildContainerSpec } from "../../src/oci/container-spec.ts";
import type { GrantedDevice } from "../../src/oci/devices.ts";
import type { CgroupMount } from "../../src/oci/mounts/cgroup-mount.ts";
import { buildExecProcess } from "../../src/oci/process/exec-process.ts";
import { cgroupResourcesOfSpec } from "../../src/oci/resources/resources.ts";
import type { RuntimeSpec } from "../../src/oci/runtime-spec.ts";
import { validateSysctls } from "../../src/oci/sysctls.ts";
import { inPodNamespaces } from "../../src/pods/exec/in-pod-namespaces.ts";
import { namespaceModes } from "../../src/pods/request/namespace-modes.ts";
import { execPayload, setupPayload, startPayload } from "../../src/runtime/native/monitor/requests.ts";
import { checkPlanFits } from "../../src/runtime/native/plan/check-plan-fits.ts";
import { compileContainerPlan } from "../../src/runtime/native/plan/compile-container.ts";
import { compileExecPlan } from "../../src/runtime/native/plan/compile-exec.ts";
import type { LaunchPlan } from "../../src/runtime/native/plan/steps.ts";
import { protocol } from "../../src/runtime/native/wire-numbers.ts";
import type { ContainerSpec, RequestedDevice } from "../../src/spec/container-spec.ts";
import type { PodSpec } from "../../src/spec/pod-spec.ts";
import type { RequestedMount } from "../../src/spec/requested-mount.ts";
import { specInput } from "../fixtures/spec-input.ts";

/** A request to the monitor as it would be sent, by the kind that judges it. */
export interface PlanRequest {
  readonly kind: "setup" | "start" | "exec";
  readonly payload: Uint8Array;
  /** Kinds of its steps. */
  readonly steps: ReadonlySet<string>;
}

const id = parseContainerId("c".repeat(64));
const directory = `/var/lib/crib/containers/${id}`;
const layers = [parseHostPath("/var/lib/crib/layers/b"), parseHostPath("/var/lib/crib/layers/a")];
const procsFiles = [parseHostPath("/sys/fs/cgroup/pod/c/cgroup.procs")];
const cgroups: readonly (readonly CgroupMount[])[] = [
  [{ fsType: "cgroup2", name: "", options: [], aliases: [] }],
  [
    { fsType: "cgroup", name: "cpu,cpuacct", options: ["cpu", "cpuacct"], aliases: ["cpu", "cpuacct"] },
    { fsType: "cgroup2", name: "unified", options: [], aliases: [] },
  ],
];
/** SECCOMP_RET_ALLOW. */
const seccompProgram = Uint8Array.of(6, 0, 0, 0, 0, 0, 0xff, 0x7f);

/**
 * What a CreateContainerRequest becomes when its container is started and something is executed in it, as src/cri and src/pods
 * do it, without a host: devices and images are there whatever they are called.
 *
 * @param host which of the hosts there are it runs on.
 * @throws {CribError} for a request that is refused; anything else is a mistake.
 */
export function requestsOfContainer(request: CreateContainerRequest, host: number): readonly PlanRequest[] {
  checkMessage(CreateContainerRequestSchema, request);
  const config = parseContainerSpec(request.config);
  const sandboxConfig = parsePodSpec(request.sandboxConfig, "sandbox_config");
  const spec = specOf(config, sandboxConfig, (host & 2) !== 0);
  checkPlanFits(spec);
  checkRecord(spec);
  cgroupResourcesOfSpec(spec);
  const plan = compileContainerPlan({
    spec,
    rootfs: {
      lower: layers,
      upper: parseHostPath(`${directory}/upper`),
      work: parseHostPath(`${directory}/work`),
      attachAt: parseHostPath(`${directory}/rootfs`),
    },
    procsFiles,
    cgroupMounts: cgroups[host & 1] ?? [],
    seccompProgram: spec.linux.seccomp && seccompProgram,
    pidNamespace: { kind: namespaceModes(sandboxConfig).sharedPid ? "pod" : "own" },
  });
  const { tty: terminal, stdin, stdinOnce } = config;
  const start = { id, plan, terminal, stdin, stdinOnce, logPath: undefined, oomFile: procsFiles[0] };
  const process = buildExecProcess(spec, ["sh", ...config.args], { terminal: !terminal });
  const program = spec.linux.seccomp && seccompProgram;
  const execPlan = compileExecPlan({ spec, process, targetPid: 4711 as Pid, procsFiles, seccompProgram: program });
  const exec = { id: "e".repeat(64) as ExecId, containerId: id, plan: execPlan, terminal: !terminal, stdin };
  return [
    { kind: "start", payload: startPayload(start, protocol.newest), steps: kindsOf(plan) },
    { kind: "exec", payload: execPayload(exec, protocol.newest), steps: kindsOf(execPlan) },
  ];
}

/** What a RunPodSandboxRequest becomes. @throws {CribError} for a request that is refused; anything else is a mistake. */
export function requestsOfSandbox(request: RunPodSandboxRequest): readonly PlanRequest[] {
  checkMessage(RunPodSandboxRequestSchema, request);
  const config = parsePodSpec(request.config);
  const modes = namespaceModes(config);
  const payload = setupPayload({
    unshare: 0x7400_0000,
    hostname: modes.hostNetwork || config.hostname === "" ? undefined : config.hostname,
    loopback: !modes.hostNetwork,
    pidInit: modes.sharedPid,
    sysctls: validateSysctls(config.linux?.sysctls ?? {}, modes),
    userNamespace: modes.userNamespace,
  });
  const steps = new Set(Object.entries(modes).flatMap(([name, value]) => (value ? [name] : [])));
  return [{ kind: "setup", payload, steps }];
}

function specOf(requested: ContainerSpec, sandboxConfig: PodSpec, confined: boolean): RuntimeSpec {
  const config = inPodNamespaces(sandboxConfig, requested);
  const images = config.mounts.filter(({ image }) => image !== undefined);
  const volume = ({ imageSubPath: path }: RequestedMount) => ({
    imageId: `sha256:${"a".repeat(64)}`,
    lower: layers,
    path,
  });
  const profile = { defaultAction: "SCMP_ACT_ERRNO", architectures: [], syscalls: [] } as const;
  return buildContainerSpec({
    ...specInput({}),
    config,
    sandboxConfig,
    seccompProfile: confined ? profile : undefined,
    devices: config.devices.map(grantedDevice),
    imageVolumes: new Map(images.map((mount) => [mount, volume(mount)])),
    hostname: sandboxConfig.hostname,
  });
}

function grantedDevice(device: RequestedDevice): GrantedDevice {
  const path = device.containerPath ?? device.hostPath;
  return {
    device: { path, type: "c", major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 },
    access: device.permissions || "rwm",
  };
}

/** The record of a container keeps its spec as JSON: what is read back after a restart must be what was decided. */
function checkRecord(spec: RuntimeSpec): void {
  const kept: unknown = JSON.parse(Buffer.from(JSON.stringify(spec)).toString());
  if (!Bun.deepEquals(kept, JSON.parse(JSON.stringify(spec)))) throw new Error("the record does not keep the spec");
  const { args, env } = (kept as RuntimeSpec).process;
  if (!Bun.deepEquals([args, env], [spec.process.args, spec.process.env]))
    throw new Error("the record does not keep the command");
}

function kindsOf(plan: LaunchPlan): ReadonlySet<string> {
  return new Set(plan.steps.map(({ kind }) => kind));
}
