import { writeFileSync } from "node:fs";
import { requestedCdiDevices } from "../../cdi/requested-devices.ts";
import { driverPaths } from "../../cgroups/driver-paths.ts";
import { nativeHandler, type RuntimeHandlerConfig } from "../../config/runtime-handler.ts";
import { failedPrecondition, invalidArgument, notFound } from "../../errors/crib-error.ts";
import type { ContainerId } from "../../ids/object-id.ts";
import { newContainerId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { Image } from "../../images/port.ts";
import { TimeSlice } from "../../observe/time-slice.ts";
import { buildContainerSpec } from "../../oci/container-spec.ts";
import { stopSignalNumber } from "../../oci/process/stop-signal.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";
import { specJson } from "../../oci/spec-json.ts";
import { checkPropagation } from "../../runtime/check-propagation.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";
import type { ContainerRecord, SandboxRecord } from "../../state/records.ts";
import type { PodEngine } from "../engine.ts";
import { inPodNamespaces } from "../exec/in-pod-namespaces.ts";
import { makeContainerDirectory, removeContainerDirectory } from "../host/container-directory.ts";
import { lookAtHostPaths } from "../host/container-host-paths.ts";
import { containerLogPath } from "../host/container-log-path.ts";
import { containerDirectory } from "../host/container-paths.ts";
import { releaseImages, resolveImageVolumes } from "../host/image-volumes.ts";
import { existingSandboxFiles } from "../host/sandbox-files.ts";
import { containerFingerprint } from "../ledger/fingerprint.ts";
import { getRecord } from "../ledger/resolve-id.ts";
import { containerName } from "../ledger/sandbox-name.ts";
import { applyPluginUpdates } from "../plugins/apply-plugin-updates.ts";
import { askPluginsToCreate } from "../plugins/ask-plugins-to-create.ts";
import { noteToPlugins, tellContainerPlugins } from "../plugins/tell-plugins.ts";
import { labelVolumes } from "../request/anonymous-volumes.ts";
import { checkSelinuxLabel } from "../request/check-selinux-label.ts";
import { withHandlerAnnotations } from "../request/handler-annotations.ts";
import { imageNames } from "../request/image-names.ts";
import { namespaceModes } from "../request/namespace-modes.ts";
import { noteIgnoredSelinux } from "../request/note-ignored-selinux.ts";
import { targetProcess } from "../request/pid-namespace.ts";
import { relabelMounts } from "../request/relabel-mounts.ts";
import { resolveAppArmor } from "../request/resolve-apparmor.ts";
import { resolveCdi } from "../request/resolve-cdi.ts";
import { resolveDevices } from "../request/resolve-devices.ts";
import { resolveMounts } from "../request/resolve-mounts.ts";
import { localProfilePath, resolveSeccomp } from "../request/resolve-seccomp.ts";

/** Puts the spec where hooks look for it: config.json beside the root it calls `rootfs`. Gone with the container's directory. */
function writeBundle(directory: HostPath, spec: RuntimeSpec): void {
  writeFileSync(joinHostPath(directory, "config.json"), specJson(spec), { mode: 0o600 });
}

/**
 * Makes a container's record, spec and writable layer. It holds no process, mount or cgroup until it is started, so a
 * crash on the way leaves only a directory that no record names, which the next start removes.
 *
 * @throws {CribError} not-found (sandbox, image), failed-precondition (sandbox stopped), invalid-argument, already-exists.
 */
export async function createContainer(
  engine: PodEngine,
  sandboxIdOrPrefix: string,
  config: ContainerSpec,
): Promise<ContainerId> {
  const apparmorProfile = await resolveAppArmor(engine, config);
  const sandbox = getRecord("sandbox", engine.sandboxes, sandboxIdOrPrefix);
  const print = containerFingerprint(config);
  return await engine.containerNames.claim(containerName(sandbox.id, config), print, () =>
    makeContainer(engine, sandbox, config, apparmorProfile),
  );
}

async function makeContainer(
  engine: PodEngine,
  sandbox: SandboxRecord,
  requested: ContainerSpec,
  apparmorProfile: string | undefined,
): Promise<ContainerId> {
  if (sandbox.state !== "ready") {
    throw failedPrecondition(`sandbox ${sandbox.id} is not ready: remove it and run the pod again`);
  }
  const runtime = engine.runtimes.runtimeOf(sandbox.handler);
  const handler = handlerConfig(engine, sandbox);
  const pidMode = requested.linux?.securityContext?.namespaceOptions;
  if (pidMode?.pid === "target") targetProcess(engine, sandbox, pidMode.targetId);
  const namespaced = inPodNamespaces(sandbox.config, requested);
  const image = findImage(engine, requested);
  const logPath = containerLogPath(sandbox.config, requested);
  const onHost = await lookAtHostPaths(engine, requested, logPath, localProfilePath(engine, requested));
  const id = newContainerId();
  const directory = containerDirectory(engine.config.root, id);
  const cgroup = driverPaths[engine.config.cgroup.driver].container(sandbox.cgroup, id);

  await using undo = new AsyncDisposableStack();
  undo.defer(() => releaseImages(engine, id, requested));
  const { config, volumes } = resolveImageVolumes(engine, id, requested);
  const { lowerDirs } = engine.images.acquireRootfs(image.id, id);
  undo.defer(() => removeContainerDirectory(engine, id));
  const { userNamespace } = namespaceModes(sandbox.config);
  await makeContainerDirectory(engine, directory, lowerDirs, userNamespace);
  await engine.turns.take();
  const devices = await resolveDevices(config, handler, onHost.device, new TimeSlice(engine.clock));
  const { mounts, anonymous } = resolveMounts(engine, directory, config, image, lowerDirs, userNamespace);
  const base = buildContainerSpec({
    id,
    sandboxId: sandbox.id,
    config: { ...namespaced, mounts },
    sandboxConfig: sandbox.config,
    image: image.config,
    accounts: engine.images.accounts(image.id),
    cgroupPath: cgroup,
    hostFiles: existingSandboxFiles(sandbox.directory),
    host: engine.hostFacts,
    seccompProfile: resolveSeccomp(engine, config.linux?.securityContext, onHost.seccompProfile),
    apparmorProfile,
    devices,
    hostDevices: !handler.privilegedWithoutHostDevices,
    imageVolumes: volumes,
    anonymousVolumes: anonymous,
    hostname: sandbox.hostname,
  });
  noteIgnoredSelinux(engine, { container: id }, config.linux?.securityContext);
  const annotations = { pod: sandbox.config.annotations, container: config.annotations };
  const names = imageNames(image, config.image);
  const draft: ContainerRecord = {
    id,
    sandboxId: sandbox.id,
    state: "created",
    config,
    imageId: image.id,
    imageReference: names.reference,
    imageRepoDigest: names.repoDigest,
    cgroup,
    directory,
    logPath,
    spec: resolveCdi(engine, requestedCdiDevices(config), withHandlerAnnotations(base, handler, annotations)),
    stopSignal: stopSignalNumber(config.stopSignal, image.config.stopSignal),
    createdAtNs: engine.clock.now(),
    startedAtNs: 0n as ContainerRecord["startedAtNs"],
    finishedAtNs: 0n as ContainerRecord["finishedAtNs"],
    process: undefined,
    exitCode: 0,
    reason: "",
    message: "",
  };
  using creating = await engine.plugins.creating();
  const { spec, updates } = await askPluginsToCreate(engine, sandbox, draft);
  if (spec.process.selinuxLabel !== undefined) checkSelinuxLabel(spec.process.selinuxLabel);
  runtime.check(spec);
  checkPropagation(spec.mounts, onHost.realPath);
  labelVolumes(engine.kernel, anonymous, spec.linux.mountLabel);
  await relabelMounts(engine.kernel, new TimeSlice(engine.clock), config, spec.process.selinuxLabel, [
    engine.config.root,
    engine.config.state,
  ]);
  if (spec.hooks !== undefined) writeBundle(directory, spec);
  const record: ContainerRecord = { ...draft, spec };
  engine.ledger.addContainer(record);
  undo.move();
  creating[Symbol.dispose]();
  await noteToPlugins(engine, tellContainerPlugins(engine, "post-create", record));
  await applyPluginUpdates(engine, updates);
  return id;
}

/** What its handler's configuration says now; a pod whose handler is gone gets nothing that one had allowed. */
function handlerConfig(engine: PodEngine, { handler = "" }: SandboxRecord): RuntimeHandlerConfig {
  return engine.config.runtime.handlers[handler] ?? nativeHandler;
}

/** CreateContainer never pulls: the kubelet has done so, and a client that has not is told. */
function findImage(engine: PodEngine, config: ContainerSpec): Image {
  const reference = config.image.image;
  if (reference === "") throw invalidArgument("container config names no image");
  const image = engine.images.find(reference);
  if (image === undefined) throw notFound("image", `${reference.slice(0, 200)}`);
  return image;
}
