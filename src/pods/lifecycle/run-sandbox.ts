import { existsSync } from "node:fs";
import { hostname as hostHostname } from "node:os";
import { failedPrecondition, internal, invalidArgument } from "../../errors/crib-error.ts";
import type { PodSandboxConfig } from "../../gen/runtime/v1/api_pb.ts";
import { ContainerEventType } from "../../gen/runtime/v1/api_pb.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import { newSandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { podNetworkSysctls } from "../../network/pod-sysctls.ts";
import { podLimits } from "../../oci/pod-resources.ts";
import { limitsOfSpec } from "../../oci/resources.ts";
import { validateSysctls } from "../../oci/sysctls.ts";
import type { Monitor, SandboxSetup } from "../../runtime/monitor/port.ts";
import type { SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { attachRequest } from "../exec/attach-request.ts";
import { labelSandboxFiles, sandboxFileLabel } from "../host/label-sandbox-files.ts";
import { mountShm, pinNetns, unmountShm, unpinNetns } from "../host/pins.ts";
import { removeCgroup } from "../host/remove-cgroup.ts";
import { sandboxCgroup } from "../host/sandbox-cgroup.ts";
import { makeSandboxDirectory, sandboxDirectory, writeSandboxFiles } from "../host/sandbox-files.ts";
import { removeStateDirectory } from "../host/state-directory.ts";
import { sandboxFingerprint } from "../ledger/fingerprint.ts";
import { sandboxName } from "../ledger/sandbox-name.ts";
import type { NamespaceModes } from "../request/namespace-modes.ts";
import { namespaceModes } from "../request/namespace-modes.ts";
import { noteIgnoredSelinux } from "../request/note-ignored-selinux.ts";
import { configuredResources } from "../request/pod-limits.ts";
import { unshareFlags } from "../request/unshare-flags.ts";
import { watchMonitor } from "./watch-monitor.ts";

/**
 * Makes a pod: cgroup, monitor in its own namespaces, pinned network namespace, network, files.
 *
 * A retry of the same request joins or returns the first. Everything done is on an undo stack until the record is
 * written; before the first deed an intent names what a crash would leave.
 *
 * @throws {CribError} already-exists, invalid-argument, unavailable (network), and whatever step failed.
 */
export async function runSandbox(
  engine: PodEngine,
  config: PodSandboxConfig,
  runtimeHandler: string,
): Promise<SandboxId> {
  if (runtimeHandler !== "" && runtimeHandler !== engine.config.runtime.defaultHandler) {
    throw invalidArgument(
      `runtime handler ${JSON.stringify(runtimeHandler)} is not configured; this node has ${JSON.stringify(engine.config.runtime.defaultHandler)}`,
    );
  }
  const print = sandboxFingerprint(config, runtimeHandler);
  return await engine.sandboxNames.claim(sandboxName(config), print, () => makeSandbox(engine, config, runtimeHandler));
}

async function makeSandbox(engine: PodEngine, config: PodSandboxConfig, runtimeHandler: string): Promise<SandboxId> {
  const modes = namespaceModes(config);
  if (modes.userNamespace !== undefined && !engine.hostFacts.userNamespaces) {
    throw failedPrecondition(
      "this node has no user namespaces for pods: they need Linux 5.19 and user.max_user_namespaces over 0",
    );
  }
  const sysctls = validateSysctls({ ...ownNetworkSysctls(modes), ...config.linux?.sysctls }, modes);
  const unshare = unshareFlags(modes);
  // What waits there was made in the host's user namespace.
  const spare = modes.userNamespace === undefined ? engine.spares.waiting(unshare) : undefined;
  const id = spare?.id ?? newSandboxId();
  const directory = sandboxDirectory(engine.config.state, id);
  const { cgroup, ownsCgroup } = sandboxCgroup(engine, id, config);
  const networkRequest = modes.hostNetwork ? undefined : attachRequest(engine, id, config);
  // A pod without a hostname shows the host's, as with containerd; its name may be longer than the kernel's 64 bytes.
  const hostname = config.hostname === "" ? hostHostname() : config.hostname;
  const label = sandboxFileLabel(engine, config);
  noteIgnoredSelinux(engine, { sandbox: id }, config.linux?.securityContext);

  engine.intents.write({ id, directory, cgroup, ownsCgroup, networkRequest });
  await using undo = new AsyncDisposableStack();
  undo.defer(() => engine.intents.clear(id));

  undo.defer(() => removeStateDirectory(engine, directory));
  engine.spares.take(unshare, spare);
  // The monitor starts, and makes itself the pod's, on another processor while this one makes the cgroup and mounts.
  const launching = spare === undefined ? launch(engine, id, directory) : Promise.resolve(spare.monitor);
  undo.defer(() => endLaunch(launching));
  const asked: SandboxSetup = {
    unshare,
    hostname: modes.hostUts ? undefined : hostname,
    loopback: !modes.hostNetwork,
    pidInit: modes.sharedPid,
    sysctls,
    userNamespace: modes.userNamespace,
  };
  const settingUp = spare?.monitor.setup(asked) ?? launching.then((monitor) => monitor.setup(asked));
  // Whoever fails before it is awaited has a reason of his own to tell.
  settingUp.catch(() => undefined);
  if (ownsCgroup) undo.defer(() => removeCgroup(engine, cgroup));
  // A group that was there is the kubelet's, which has given it its limits.
  engine.cgroups.create(cgroup, ownsCgroup ? limitsOfSpec(podLimits(configuredResources(config))) : {});
  if (!modes.hostIpc) {
    undo.defer(() => unmountShm(engine, directory));
    mountShm(engine, directory, modes.userNamespace, label);
  }

  const monitor = await launching;
  const setup = await settingUp;
  for (const warning of setup.warnings)
    engine.log.warn({ sandbox: id, warning }, "sandbox set up with less than asked");

  let network: SandboxRecord["network"];
  if (networkRequest !== undefined) {
    undo.defer(() => unpinNetns(engine, networkRequest.netns));
    pinNetns(engine, monitor.pid, networkRequest.netns);
    undo.defer(() => engine.network.detach(networkRequest, network));
    network = await engine.network.attach(networkRequest, AbortSignal.timeout(engine.config.cni.pluginTimeoutMs));
  }
  writeSandboxFiles(directory, config, hostname, network?.ips ?? [], modes.userNamespace);
  labelSandboxFiles(engine, directory, label);

  const record: SandboxRecord = {
    id,
    state: "ready",
    createdAtNs: engine.clock.now(),
    config,
    runtimeHandler,
    hostname,
    cgroup,
    ownsCgroup,
    ownsShm: !modes.hostIpc,
    directory,
    monitor: monitorRef(engine, monitor),
    initPid: setup.initPid,
    netns: networkRequest?.netns,
    networkRequest,
    network,
    bootId: engine.bootId,
    networkReleased: networkRequest === undefined,
  };
  // A CNI plugin keeps addresses on the disk: their DEL must be called even after the power failed.
  engine.sandboxes.put(record, { durable: network?.provider === "cni" });
  undo.move();
  engine.intents.clear(id);

  engine.monitors.set(id, monitor);
  watchMonitor(engine, monitor);
  engine.sandboxGroups.want(record);
  engine.eventHub.publish(ContainerEventType.CONTAINER_CREATED_EVENT, id, record, () => []);
  engine.eventHub.publish(ContainerEventType.CONTAINER_STARTED_EVENT, id, record, () => []);
  return id;
}

function launch(engine: PodEngine, id: SandboxId, directory: HostPath): Promise<Monitor> {
  makeSandboxDirectory(directory);
  return engine.launcher.launch(id, directory);
}

/** Whoever waits for the launch is told of its failure; here there is then nothing to end. */
async function endLaunch(launching: Promise<Monitor>): Promise<void> {
  const [launched] = await Promise.allSettled([launching]);
  if (launched.status === "fulfilled") await launched.value.shutdown();
}

/**
 * A kernel booted without IPv6 has nothing to defend there, and no such key. Groups that may ping have to exist in the
 * user namespace.
 */
function ownNetworkSysctls(modes: NamespaceModes): Readonly<Record<string, string>> {
  if (modes.hostNetwork) return {};
  const root = modes.userNamespace?.gids.find(({ containerID }) => containerID === 0);
  return {
    ...(existsSync("/proc/sys/net/ipv6") && podNetworkSysctls),
    ...(root !== undefined && { "net.ipv4.ping_group_range": `0 ${Math.min(root.size, 2 ** 31) - 1}` }),
  };
}

function monitorRef(engine: PodEngine, monitor: Monitor): SandboxRecord["monitor"] {
  const startTime = engine.kernel.processStartTime(monitor.pid);
  if (startTime === undefined) throw internal(`monitor ${monitor.pid} of sandbox ${monitor.sandboxId} is gone`);
  return { pid: monitor.pid, startTime };
}
