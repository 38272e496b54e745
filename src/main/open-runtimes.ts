import { readFileSync } from "node:fs";
import type { Cgroups } from "../cgroups/port.ts";
import type { Config } from "../config/config.ts";
import { readArtifact } from "../kernel/artifacts.ts";
import { capabilityMask } from "../kernel/capabilities.ts";
import type { Kernel } from "../kernel/port.ts";
import type { Clock } from "../observe/clock.ts";
import type { Log } from "../observe/log.ts";
import { RuntimeHandlers } from "../runtime/handlers.ts";
import type { NativeRuntime } from "../runtime/native/native-runtime.ts";
import { OciRuntime } from "../runtime/oci-cli/oci-runtime.ts";
import { probeOciFeatures } from "../runtime/oci-cli/probe-features.ts";
import type { RuntimeFeatures } from "../runtime/port.ts";
import { ShimEvents } from "../runtime/shim-v2/shim-events.ts";
import { shimOptions } from "../runtime/shim-v2/shim-options.ts";
import { makeShimPlaces } from "../runtime/shim-v2/shim-places.ts";
import { ShimRuntime } from "../runtime/shim-v2/shim-runtime.ts";

export interface Runtimes {
  readonly handlers: RuntimeHandlers;
  /** To be closed with the daemon. */
  readonly shimEvents: ShimEvents;
  /** For handlers that have come or changed. Pods that are there keep what runs them. */
  readonly prepareReload: (next: Pick<Config, "runtime">) => Promise<() => void>;
}

interface RuntimesHost {
  readonly kernel: Kernel;
  readonly cgroups: Cgroups;
  readonly clock: Clock;
  readonly log: Log;
}

/** The runtimes that the configuration names, each asked what it can do; one that does not say holds nobody up for long. */
export async function openRuntimes(
  config: Config,
  native: NativeRuntime,
  { kernel, cgroups, clock, log }: RuntimesHost,
): Promise<Runtimes> {
  const features = new Map<string, RuntimeFeatures>();
  const events = new ShimEvents(config.state, log);
  const probe = async (runtime: Config["runtime"]) => {
    const asked = Object.entries(runtime.handlers).map(async ([name, handler]) => {
      if (handler.type === "oci") features.set(name, await probeOciFeatures(name, handler, { clock, log }));
    });
    await Promise.all(asked);
    if (Object.values(runtime.handlers).some(({ type }) => type === "shim-v2")) await events.listen();
  };
  await probe(config.runtime);
  const leastOomScore = readLeastOomScore();
  const { state } = config;
  const handlers = new RuntimeHandlers(config.runtime, native, {
    oci: (name, { path, args }) => {
      const command = { name, path, args, leastOomScore, cgroups };
      return new OciRuntime({ native, command, features: features.get(name) ?? native.features, state, clock });
    },
    shim: (name, { path, options, sandboxContainer }) => {
      const command = { name, path, options: shimOptions(options), sandboxContainer, leastOomScore };
      const places = makeShimPlaces(state, readArtifact("hello"));
      return new ShimRuntime({
        native,
        command,
        events,
        kernel,
        cgroups,
        clock,
        log,
        state,
        places,
        daemon: process.pid,
      });
    },
  });
  return {
    handlers,
    shimEvents: events,
    async prepareReload({ runtime }) {
      await probe(runtime);
      return () => handlers.replace(runtime);
    },
  };
}

/** Without CAP_SYS_RESOURCE nothing goes below the score that the daemon was started with (proc(5)). */
function readLeastOomScore(): number | undefined {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  if ((BigInt(`0x${effective}`) & capabilityMask(["CAP_SYS_RESOURCE"])) !== 0n) return undefined;
  return Number(readFileSync("/proc/self/oom_score_adj", "utf8").trim());
}
