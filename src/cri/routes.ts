import type { ConnectRouter } from "@connectrpc/connect";
import { Engine } from "../gen/crib/v1/engine_pb.ts";
import { ImageService, RuntimeService } from "../gen/runtime/v1/api_pb.ts";
import type { CriDeps } from "./deps.ts";
import { exportImages, importImages } from "./engine/archives.ts";
import { check } from "./engine/check.ts";
import { info } from "./engine/info.ts";
import { listLeftovers, removeLeftovers } from "./engine/leftovers.ts";
import { listMonitors, renewMonitors } from "./engine/monitors.ts";
import { pull } from "./engine/pull.ts";
import { listPulls, watchPulls } from "./engine/pulls.ts";
import { reloadConfig } from "./engine/reload-config.ts";
import { listRuntimes } from "./engine/runtimes.ts";
import { tagImage } from "./engine/tag-image.ts";
import { imageFsInfo } from "./image/image-fs-info.ts";
import { imageStatus } from "./image/image-status.ts";
import { listImages } from "./image/list-images.ts";
import { listSecurityProfiles } from "./image/list-security-profiles.ts";
import { pullImage } from "./image/pull-image.ts";
import { pullSecurityProfile } from "./image/pull-security-profile.ts";
import { removeImage } from "./image/remove-image.ts";
import { removeSecurityProfile } from "./image/remove-security-profile.ts";
import { streamImages } from "./image/stream-images.ts";
import { checkpointContainer } from "./runtime/containers/checkpoint-container.ts";
import { containerStatus } from "./runtime/containers/container-status.ts";
import { createContainer } from "./runtime/containers/create-container.ts";
import { listContainers } from "./runtime/containers/list-containers.ts";
import { removeContainer } from "./runtime/containers/remove-container.ts";
import { reopenContainerLog } from "./runtime/containers/reopen-container-log.ts";
import { startContainer } from "./runtime/containers/start-container.ts";
import { stopContainer } from "./runtime/containers/stop-container.ts";
import { streamContainers } from "./runtime/containers/stream-containers.ts";
import { updateContainerResources } from "./runtime/containers/update-container-resources.ts";
import { getContainerEvents } from "./runtime/get-container-events.ts";
import { checkpointPod } from "./runtime/pods/checkpoint-pod.ts";
import { listPodSandbox } from "./runtime/pods/list-pod-sandbox.ts";
import { podSandboxStatus } from "./runtime/pods/pod-sandbox-status.ts";
import { removePodSandbox } from "./runtime/pods/remove-pod-sandbox.ts";
import { restorePod } from "./runtime/pods/restore-pod.ts";
import { runPodSandbox } from "./runtime/pods/run-pod-sandbox.ts";
import { stopPodSandbox } from "./runtime/pods/stop-pod-sandbox.ts";
import { streamPodSandboxes } from "./runtime/pods/stream-pod-sandboxes.ts";
import { updatePodSandboxResources } from "./runtime/pods/update-pod-sandbox-resources.ts";
import { runtimeConfig } from "./runtime/runtime-config.ts";
import { attach } from "./runtime/sessions/attach.ts";
import { exec } from "./runtime/sessions/exec.ts";
import { execSync } from "./runtime/sessions/exec-sync.ts";
import { portForward } from "./runtime/sessions/port-forward.ts";
import { containerStats } from "./runtime/stats/container-stats.ts";
import { listContainerStats } from "./runtime/stats/list-container-stats.ts";
import { listMetricDescriptors } from "./runtime/stats/list-metric-descriptors.ts";
import { listPodSandboxMetrics } from "./runtime/stats/list-pod-sandbox-metrics.ts";
import { listPodSandboxStats } from "./runtime/stats/list-pod-sandbox-stats.ts";
import { podSandboxStats } from "./runtime/stats/pod-sandbox-stats.ts";
import { streamContainerStats } from "./runtime/stats/stream-container-stats.ts";
import { streamPodSandboxMetrics } from "./runtime/stats/stream-pod-sandbox-metrics.ts";
import { streamPodSandboxStats } from "./runtime/stats/stream-pod-sandbox-stats.ts";
import { status } from "./runtime/status.ts";
import { updateRuntimeConfig } from "./runtime/update-runtime-config.ts";
import { version } from "./runtime/version.ts";

/** Every RPC on every socket, in the order of the .proto files. A missing one does not compile. `shutdown` ends endless streams. */
export function routes(deps: CriDeps, shutdown: AbortSignal): (router: ConnectRouter) => void {
  return (router) => {
    router.service(RuntimeService, {
      version: version(deps),
      runPodSandbox: runPodSandbox(deps),
      stopPodSandbox: stopPodSandbox(deps),
      removePodSandbox: removePodSandbox(deps),
      podSandboxStatus: podSandboxStatus(deps),
      listPodSandbox: listPodSandbox(deps),
      streamPodSandboxes: streamPodSandboxes(deps),
      createContainer: createContainer(deps),
      startContainer: startContainer(deps),
      stopContainer: stopContainer(deps),
      removeContainer: removeContainer(deps),
      listContainers: listContainers(deps),
      streamContainers: streamContainers(deps),
      containerStatus: containerStatus(deps),
      updateContainerResources: updateContainerResources(deps),
      reopenContainerLog: reopenContainerLog(deps),
      execSync: execSync(deps),
      exec: exec(deps),
      attach: attach(deps),
      portForward: portForward(deps),
      containerStats: containerStats(deps),
      listContainerStats: listContainerStats(deps),
      streamContainerStats: streamContainerStats(deps),
      podSandboxStats: podSandboxStats(deps),
      listPodSandboxStats: listPodSandboxStats(deps),
      streamPodSandboxStats: streamPodSandboxStats(deps),
      updateRuntimeConfig: updateRuntimeConfig(deps),
      status: status(deps),
      checkpointContainer: checkpointContainer(),
      checkpointPod: checkpointPod(),
      restorePod: restorePod(),
      getContainerEvents: getContainerEvents(deps, shutdown),
      listMetricDescriptors: listMetricDescriptors(),
      listPodSandboxMetrics: listPodSandboxMetrics(deps),
      streamPodSandboxMetrics: streamPodSandboxMetrics(deps),
      runtimeConfig: runtimeConfig(deps),
      updatePodSandboxResources: updatePodSandboxResources(deps),
    } satisfies Required<Parameters<typeof router.service<typeof RuntimeService>>[1]>);
    router.service(ImageService, {
      listImages: listImages(deps),
      streamImages: streamImages(deps),
      imageStatus: imageStatus(deps),
      pullImage: pullImage(deps),
      pullSecurityProfile: pullSecurityProfile(deps),
      listSecurityProfiles: listSecurityProfiles(deps),
      removeSecurityProfile: removeSecurityProfile(deps),
      removeImage: removeImage(deps),
      imageFsInfo: imageFsInfo(deps),
    } satisfies Required<Parameters<typeof router.service<typeof ImageService>>[1]>);
    router.service(Engine, {
      pull: pull(deps),
      listPulls: listPulls(deps),
      watchPulls: watchPulls(deps, shutdown),
      info: info(deps),
      listLeftovers: listLeftovers(deps),
      removeLeftovers: removeLeftovers(deps),
      check: check(deps),
      importImages: importImages(deps),
      exportImages: exportImages(deps),
      tagImage: tagImage(deps),
      listMonitors: listMonitors(deps),
      renewMonitors: renewMonitors(deps),
      reloadConfig: reloadConfig(deps),
      listRuntimes: listRuntimes(deps),
    } satisfies Required<Parameters<typeof router.service<typeof Engine>>[1]>);
  };
}
