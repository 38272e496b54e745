import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { internal } from "../../errors/crib-error.ts";
import type { ContainerId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import { processRef } from "../../kernel/process/process-ref.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import { specJson } from "../../oci/spec-json.ts";
import type { Monitor } from "../native/monitor/port.ts";
import type { NativeSandbox } from "../native/native-sandbox.ts";
import type { ContainerLaunch } from "../port.ts";
import { bootstrapInput, parseBootstrap } from "./bootstrap.ts";
import { shimArguments, shimEnvironment } from "./shim-command.ts";
import { bundleDirectory, sandboxContainerId, shimProcessId } from "./shim-directory.ts";
import { namespacesOf, sandboxDocument } from "./shim-document.ts";
import { shimFailure } from "./shim-failure.ts";
import { pauseArgs } from "./shim-places.ts";
import { answerFile, bootstrapFile, errorFile, shimCommandPlan, shimStartPlan, startErrorsFile } from "./shim-plan.ts";
import { readShimRecord, removeShimRecord, type ShimRecord, writeShimRecord } from "./shim-record.ts";
import type { ShimTools } from "./shim-tools.ts";
import { containerRequests, shimNamespace } from "./task-request.ts";

const quiet = { terminal: false, stdin: false, stdinOnce: false, logPath: undefined, oomFile: undefined };

/**
 * The pod's shim, started unless it is there already, with the container that its sandbox begins with where the handler wants one.
 * A former daemon may have come to any point of it: the shim is the monitor's child, and its answer lies in its bundle.
 */
export async function bootShim(
  tools: ShimTools,
  native: NativeSandbox,
  directory: HostPath,
  first: ContainerLaunch,
): Promise<ShimRecord> {
  const { sandboxId, monitor } = native;
  const bundle = bundleDirectory(directory, sandboxId);
  const process = shimProcessId(sandboxId);
  const known = new Map((await monitor.list()).map((kept) => [kept.id, kept]));
  try {
    const found = readShimRecord(directory);
    const running = known.get(process);
    const pid = running?.pid ?? (found === undefined ? await startShim(tools, native, bundle, first) : undefined);
    const record = found ?? recordOf(tools, bundle, pid ?? (0 as Pid));
    if (found === undefined) writeShimRecord(directory, record);
    const sandbox = sandboxContainerId(sandboxId);
    if (tools.command.sandboxContainer && !known.has(sandbox))
      await startSandbox(tools, monitor, bundle, sandbox, record);
    return record;
  } catch (error) {
    const { name } = tools.command;
    const ofStart = shimFailure(error, name, bundle, startErrorsFile);
    const failure = ofStart === error ? shimFailure(error, name, bundle, errorFile) : ofStart;
    await drop(tools, monitor, process);
    removeShimRecord(directory);
    rmSync(bundle, { recursive: true, force: true });
    throw failure;
  }
}

async function startShim(
  tools: ShimTools,
  native: NativeSandbox,
  bundle: HostPath,
  first: ContainerLaunch,
): Promise<Pid> {
  const { command, events, places, daemon } = tools;
  const { sandboxId, monitor } = native;
  mkdirSync(bundle, { recursive: true, mode: 0o700 });
  const rootfs = command.sandboxContainer ? places.pauseRoot : bundle;
  const cgroup = `${dirname(first.spec.linux.cgroupsPath)}/${sandboxId}`;
  const document = sandboxDocument({
    sandbox: sandboxId,
    spec: first.spec,
    rootfs,
    args: pauseArgs,
    pod: namespacesOf(native.pid),
    cgroup,
  });
  writeFileSync(joinHostPath(bundle, "config.json"), specJson(document), { mode: 0o600 });
  // Shims write their log to a file of this name, which they do not make.
  writeFileSync(joinHostPath(bundle, "log"), "", { mode: 0o600 });
  const input = bootstrapInput({
    id: sandboxId,
    namespace: shimNamespace,
    eventsAddress: events.address,
    socketDirectory: places.sockets,
    options: command.options,
  });
  writeFileSync(joinHostPath(bundle, bootstrapFile), input, { mode: 0o600 });
  const env = Object.entries(shimEnvironment(events.address)).map(([key, value]) => `${key}=${value}`);
  const argv = [command.path, ...shimArguments(sandboxId, events.address, "start")];
  const plan = shimStartPlan({ bundle, argv, env }, daemon);
  const { pid } = await monitor.start({ ...quiet, id: shimProcessId(sandboxId), plan });
  return pid;
}

function recordOf({ kernel }: ShimTools, bundle: HostPath, pid: Pid): ShimRecord {
  const process = processRef(kernel, pid);
  if (process === undefined) throw internal(`the shim, pid ${pid}, ended at once: ${logOf(bundle)}`);
  return { ...parseBootstrap(readFileSync(joinHostPath(bundle, answerFile))), process };
}

function logOf(bundle: HostPath): string {
  const path = joinHostPath(bundle, "log");
  const text = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  return text === "" ? "its log is empty" : text.slice(-500);
}

async function startSandbox(
  tools: ShimTools,
  monitor: Monitor,
  bundle: HostPath,
  id: ContainerId,
  { version, socket }: ShimRecord,
): Promise<void> {
  const io = { terminal: false, stdin: false };
  const requests = containerRequests(version, { id, bundle, ...io, options: tools.command.options });
  await monitor.start({
    ...quiet,
    id,
    plan: shimCommandPlan({ directory: bundle, socket, requests }, tools.places.pauseRoot),
  });
}

/** So that it can be started anew. */
async function drop(tools: ShimTools, monitor: Monitor, process: ContainerId): Promise<void> {
  const gone = Promise.withResolvers<void>();
  monitor.onExit(({ id }) => {
    if (id === process) gone.resolve();
  });
  const over = new AbortController();
  try {
    if (!(await monitor.list()).some(({ id }) => id === process)) return;
    await monitor.signal(process, SIGKILL);
    await Promise.race([gone.promise, tools.clock.sleep(2_000, over.signal)]);
    await monitor.forget(process);
  } catch (error) {
    tools.log.warn({ shim: process, error: String(error) }, "a shim that is of no use is left to the pod's end");
  } finally {
    over.abort();
  }
}
