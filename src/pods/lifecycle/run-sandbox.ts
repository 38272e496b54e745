import { existsSync } from "node:fs";
import { hostname as hostHostname } from "node:os";
import { CribError, failedPrecondition, internal } from "../../errors/crib-error.ts";
import type { SandboxId } from "../../ids/object-id.ts";
import { processRef } from "../../kernel/process/process-ref.ts";
import { podLimits } from "../../oci/resources/pod-resources.ts";
import { limitsOfSpec } from "../../oci/resources/resources.ts";
import { validateSysctls } from "../../oci/sysctls.ts";
import type { RuntimeHandler } from "../../runtime/handlers.ts";
import type { SandboxHandle } from "../../runtime/port.ts";
import { sandboxDirectory } from "../../runtime/sandbox-directory.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";
import type { SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { attachRequest } from "../exec/attach-request.ts";
import { labelSandboxFiles, sandboxFileLabel } from "../host/label-sandbox-files.ts";
import { mountEtc, mountShm, pinNetns } from "../host/pinned-mounts.ts";
import { realLogDirectory } from "../host/real-log-directory.ts";
import { sandboxCgroup } from "../host/sandbox-cgroup.ts";
import { writeSandboxFiles } from "../host/sandbox-files.ts";
import { sandboxFingerprint } from "../ledger/fingerprint.ts";
import { sandboxName } from "../ledger/sandbox-name.ts";
import { tellPodPlugins } from "../plugins/tell-plugins.ts";
import type { NamespaceModes } from "../request/namespace-modes.ts";
import { namespaceModes } from "../request/namespace-modes.ts";
import { noteIgnoredSelinux } from "../request/note-ignored-selinux.ts";
import { configuredResources } from "../request/pod-limits.ts";
import { checkPodSeccomp } from "../request/resolve-seccomp.ts";
import { watchMonitor } from "./seek-monitor.ts";
import { SandboxUndo } from "./teardown/sandbox-undo.ts";

/**
 * What every pod with a network of its own starts with, unless it asks for something else: set in the namespace before
 * any interface is there, which inherits it.
 *
 * A pod that believed router advertisements could have its traffic taken by a neighbour (CVE-2020-10749).
 */
export const podNetworkSysctls = { "net.ipv6.conf.default.accept_ra": "0" } as const satisfies Readonly<
  Record<string, string>
>;

/**
 * Makes a pod: cgroup, monitor in its own namespaces, pinned network namespace, network, files.
 *
 * A retry of the same request joins or returns the first. Before the first deed an intent names what a crash would leave; what
 * fails before the record is written is undone by the same steps that end a pod.
 *
 * @throws {CribError} already-exists, invalid-argument, unavailable (network), and whatever step failed.
 */
export async function runSandbox(engine: PodEngine, config: PodSpec, runtimeHandler: string): Promise<SandboxId> {
  const handler = engine.runtimes.of(runtimeHandler);
  const print = sandboxFingerprint(config, runtimeHandler);
  return await engine.sandboxNames.claim(sandboxName(config), print, () =>
    makeSandbox(engine, { config, runtimeHandler, handler }),
  );
}

interface Wish {
  readonly config: PodSpec;
  readonly runtimeHandler: string;
  readonly handler: RuntimeHandler;
}

/** What was made ahead did not answer; another keeper may. */
class DeafSpare extends Error {
  override readonly name = "DeafSpare";
}

async function makeSandbox(engine: PodEngine, wish: Wish): Promise<SandboxId> {
  try {
    return await tryToMake(engine, wish, { fresh: false });
  } catch (error) {
    if (!(error instanceof DeafSpare)) throw error;
    engine.log.warn({ error: error.message }, "a monitor made ahead does not answer: the pod gets a new one");
    return await tryToMake(engine, wish, { fresh: true });
  }
}

async function tryToMake(engine: PodEngine, wish: Wish, options: { readonly fresh: boolean }): Promise<SandboxId> {
  const { config, runtimeHandler, handler } = wish;
  await engine.turns.take();
  const modes = namespaceModes(config);
  if (modes.userNamespace !== undefined && !engine.hostFacts.userNamespaces) {
    throw failedPrecondition(
      "this node has no user namespaces for pods: they need Linux 5.19 and user.max_user_namespaces over 0",
    );
  }
  checkPodSeccomp(engine, config);
  const sysctls = validateSysctls({ ...ownNetworkSysctls(modes), ...config.linux?.sysctls }, modes);
  const reservation = handler.runtime.reserve(modes, options);
  const { id } = reservation;
  const directory = sandboxDirectory(engine.config.state, id);
  const { cgroup, ownsCgroup } = sandboxCgroup(engine, id, config);
  const networkRequest = modes.hostNetwork ? undefined : attachRequest(engine, id, config);
  // A pod without a hostname shows the host's, as with containerd; its name may be longer than the kernel's 64 bytes.
  const hostname = config.hostname === "" ? hostHostname() : config.hostname;
  const label = sandboxFileLabel(engine, config);
  noteIgnoredSelinux(engine, { sandbox: id }, config.linux?.securityContext);

  engine.intents.write({ id, directory, cgroup, ownsCgroup, networkRequest });
  await using undo = new SandboxUndo(engine, { id, directory, cgroup, ownsCgroup, networkRequest });
  undo.holds("files");
  // The monitor starts, and makes itself the pod's, on another processor while this one makes the cgroup and mounts.
  const { launched: launching, ready } = reservation.begin({
    namespaces: modes,
    hostname,
    sharedPid: modes.sharedPid,
    sysctls,
  });
  undo.holdsMonitor(launching);
  const settingUp = reservation.madeAhead ? ready.catch(asDeafSpare) : ready;
  // A failure before it is awaited has its own error; this one must not become an unhandled rejection.
  settingUp.catch(() => undefined);
  if (ownsCgroup) undo.holds("cgroup");
  // A group that was there is the kubelet's, which has given it its limits.
  engine.cgroups.create(cgroup, ownsCgroup ? limitsOfSpec(podLimits(configuredResources(config))) : {});
  undo.holds("shm");
  mountEtc(engine, directory);
  if (!modes.hostIpc) mountShm(engine, directory, modes.userNamespace, label);

  const logDirectory = await realLogDirectory(engine, config);
  const monitor = await launching;
  const setup = await settingUp;
  await engine.turns.take();
  for (const warning of setup.warnings)
    engine.log.warn({ sandbox: id, warning }, "sandbox set up with less than asked");

  let network: SandboxRecord["network"];
  if (networkRequest !== undefined) {
    undo.holds("pins");
    pinNetns(engine, monitor.pid, networkRequest.netns);
    undo.holds("network");
    network = await engine.network.attach(networkRequest, AbortSignal.timeout(engine.config.cni.pluginTimeoutMs));
    undo.attached(network);
  }
  writeSandboxFiles(directory, config, hostname, network?.ips ?? [], modes.userNamespace);
  labelSandboxFiles(engine, directory, label);

  const init = setup.initPid === undefined ? undefined : processRef(engine.kernel, setup.initPid);
  const record: SandboxRecord = {
    id,
    state: "ready",
    createdAtNs: engine.clock.now(),
    config,
    runtimeHandler,
    handler: handler.name,
    hostname,
    cgroup,
    ownsCgroup,
    ownsShm: !modes.hostIpc,
    directory,
    monitor: monitorRef(engine, monitor),
    initPid: setup.initPid,
    ...(init !== undefined && { initStartTime: init.startTime }),
    netns: networkRequest?.netns,
    networkRequest,
    network,
    ...(logDirectory !== undefined && { realLogDirectory: logDirectory }),
    bootId: engine.bootId,
    networkReleased: networkRequest === undefined,
  };
  using _creating = await engine.plugins.creating();
  await tellPodPlugins(engine, "run", record);
  // Before the record: the pod is everybody's from then on, and its containers need the monitor.
  watchMonitor(engine, monitor);
  // A CNI plugin keeps addresses on the disk: their DEL must be called even after the power failed.
  engine.ledger.addSandbox(record, { durable: network?.provider === "cni" });
  undo.keep();
  engine.intents.clear(id);
  engine.sandboxGroups.want(record);
  return id;
}

function asDeafSpare(error: unknown): never {
  if (!CribError.is(error, "unavailable")) throw error;
  throw new DeafSpare(error.message, { cause: error });
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

function monitorRef(engine: PodEngine, monitor: SandboxHandle): SandboxRecord["monitor"] {
  const ref = processRef(engine.kernel, monitor.pid);
  if (ref === undefined) throw internal(`monitor ${monitor.pid} of sandbox ${monitor.sandboxId} is gone`);
  return ref;
}
