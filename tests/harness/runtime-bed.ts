import { join } from "node:path";
import { openHostCgroups } from "../../src/cgroups/open-host-cgroups.ts";
import type { Cgroups } from "../../src/cgroups/port.ts";
import type { ShimOptions } from "../../src/config/runtime-handler.ts";
import { type HostPath, parseCgroupPath, parseHostPath } from "../../src/ids/path.ts";
import type { Pid } from "../../src/ids/process.ts";
import { readArtifact } from "../../src/kernel/artifacts.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { hasEnded, processRef } from "../../src/kernel/process/process-ref.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import type { RuntimeUnderTest } from "../../src/runtime/contract/sandbox-runtime-contract.ts";
import { createMonitorLauncher } from "../../src/runtime/native/monitor/launcher.ts";
import { monitorBuildOf } from "../../src/runtime/native/monitor/monitor-build.ts";
import { nativeFeatures } from "../../src/runtime/native/native-features.ts";
import { NativeRuntime } from "../../src/runtime/native/native-runtime.ts";
import { createSeccompCache } from "../../src/runtime/native/seccomp-cache.ts";
import { OciRuntime } from "../../src/runtime/oci-cli/oci-runtime.ts";
import type { SandboxRuntime } from "../../src/runtime/port.ts";
import { readHostFacts } from "../../src/runtime/read-host-facts.ts";
import { sandboxDirectory } from "../../src/runtime/sandbox-directory.ts";
import { ShimEvents } from "../../src/runtime/shim-v2/shim-events.ts";
import { shimOptions } from "../../src/runtime/shim-v2/shim-options.ts";
import { makeShimPlaces } from "../../src/runtime/shim-v2/shim-places.ts";
import { ShimRuntime } from "../../src/runtime/shim-v2/shim-runtime.ts";
import { bareSpec } from "../fixtures/bare-spec.ts";
import { makeRootDirectories } from "../fixtures/launch-plans.ts";
import { silentLog } from "../fixtures/silent-log.ts";
import { waitUntil } from "./wait-until.ts";
import { openWorkspace } from "./workspace.ts";

/** A runtime on the real machine, without a daemon: its pods, its control groups, a root with busybox. Needs root. */
export async function openRuntimeBed(
  make: (native: NativeRuntime, cgroups: Cgroups, state: HostPath) => SandboxRuntime = (native) => native,
): Promise<RuntimeUnderTest> {
  const kernel = createLinuxKernel();
  const clock = createSystemClock();
  const cgroups = openHostCgroups(kernel, clock);
  const workspace = openWorkspace("runtime");
  const state = parseHostPath(join(workspace.path, "state"));
  const group = parseCgroupPath(`/crib-runtime-${process.pid}-${performance.now().toFixed(0)}`);
  const monitor = readArtifact("crib-monitor");
  const monitorExecutable = kernel.sealedMemfd("crib-monitor", monitor);
  const native = new NativeRuntime({
    state,
    features: nativeFeatures(readHostFacts(cgroups.mode)),
    kernel,
    launcher: createMonitorLauncher({ kernel, monitorExecutable, monitorBuild: monitorBuildOf(monitor), clock }),
    seccomp: createSeccompCache(kernel),
    cgroups,
    clock,
    log: silentLog,
  });
  const runtime = make(native, cgroups, state);
  return {
    runtime,
    directoryOf: (id) => sandboxDirectory(state, id as Parameters<typeof sandboxDirectory>[1]),
    launch(id, argv) {
      const bundle = parseHostPath(join(workspace.path, id));
      const { lower, ...writable } = makeRootDirectories(bundle);
      const rootfs = { lower: [lower], ...writable };
      const cgroup = parseCgroupPath(`${group}/${id}`);
      cgroups.create(cgroup, {});
      const io = { terminal: false, stdin: false, stdinOnce: false, logPath: parseHostPath(join(bundle, "log")) };
      return { id, spec: bareSpec(argv, cgroup), rootfs, bundle, cgroup, pidNamespace: { kind: "own" }, io };
    },
    process(pid) {
      const ref = processRef(kernel, pid as Pid);
      return ref === undefined || hasEnded(kernel, ref) ? undefined : ref;
    },
    settle: (work) => work,
    until: async (what, condition) => void (await waitUntil(() => condition() || undefined, { what })),
    async [Symbol.asyncDispose]() {
      runtime[Symbol.dispose]();
      cgroups.kill(group);
      await waitUntil(() => cgroups.isEmpty(group) || undefined, { what: "the end of every container" });
      cgroups.remove(group);
      kernel.close(monitorExecutable);
      workspace.remove();
    },
  };
}

/** The same, with a shim. Its events are taken as the daemon takes them. */
export async function openShimBed(
  path: string,
  options: ShimOptions,
  { sandboxContainer }: { readonly sandboxContainer: boolean },
): Promise<RuntimeUnderTest> {
  const undo = new DisposableStack();
  const bed = await openRuntimeBed((native, cgroups, state) => {
    const clock = createSystemClock();
    const kernel = createLinuxKernel();
    const events = undo.use(new ShimEvents(state, silentLog));
    const places = makeShimPlaces(state, readArtifact("hello"));
    const leastOomScore = -500;
    const command = {
      name: path,
      path: parseHostPath(path),
      options: shimOptions(options),
      sandboxContainer,
      leastOomScore,
    };
    return new ShimRuntime({
      native,
      command,
      events,
      kernel,
      cgroups,
      clock,
      log: silentLog,
      state,
      places,
      daemon: process.pid,
    });
  });
  return {
    ...bed,
    async [Symbol.asyncDispose]() {
      undo.dispose();
      await bed[Symbol.asyncDispose]();
    },
  };
}

/** The same, with an OCI runtime's program to make the containers. */
export async function openOciBed(path: string): Promise<RuntimeUnderTest> {
  return await openRuntimeBed((native, cgroups, state) => {
    const command = { name: path, path: parseHostPath(path), args: [], leastOomScore: undefined, cgroups };
    return new OciRuntime({ native, command, features: native.features, state, clock: createSystemClock() });
  });
}
