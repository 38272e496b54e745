import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readArtifact } from "../../src/kernel/artifacts.ts";
import { SIGTERM } from "../../src/kernel/signals.ts";
import { monitorBuildOf } from "../../src/runtime/native/monitor/monitor-build.ts";
import { buildStaticBinary } from "../fixtures/static-binary.ts";
import { counting, expectUnbroken, grown } from "../harness/counting.ts";
import { type FailingCall, readSyscallLog, writeOrder } from "../harness/failing-call.ts";
import { collect, openMonitorBed, sh } from "../harness/monitor-bed.ts";
import { theMonitor } from "../harness/monitor-process.ts";
import { openRenewer, renamedMonitor } from "../harness/renewal-bed.ts";
import { openWorkspace } from "../harness/workspace.ts";

/** Root and a real kernel: whatever goes wrong when a monitor changes its executable, the pod under it lives on. */
const workspace = openWorkspace("renewal-refused");
const monitor = readArtifact("crib-monitor");
const program = join(workspace.path, "crib-monitor");
writeFileSync(program, monitor);
chmodSync(program, 0o700);
const build = join(workspace.path, "build");
mkdirSync(build);
const bed = openMonitorBed(buildStaticBinary("fail-syscall", build), monitorBuildOf(monitor));
const other = openRenewer(bed, renamedMonitor(monitor));
afterEach(() => bed.shutdownAll());
afterAll(() => {
  other[Symbol.dispose]();
  bed.remove();
  workspace.remove();
});

const call = (name: string, occurrence: number, errno: FailingCall["errno"]): FailingCall => ({
  whose: "monitor",
  name,
  second: -1,
  occurrence,
  errno,
});

/** The pod below has a container and an exec when it is renewed, so the trial is the third that is cloned. */
const trial = 3;
/** What every executable opens once fails in the one that is to go on; its third time is in the one before it. */
const next = 2;
/** Three timers in each. */
const lastTimerOfNext = 6;

/** Then the next executable serves with what it can have. */
const wayBackShut = "the way back is shut as well";

const refusals: readonly [what: string, ...calls: readonly FailingCall[]][] = [
  ["there is no memory for the state", call("memfd_create", 1, "ENOMEM")],
  ["there is no process for the trial", call("clone3", trial, "EAGAIN")],
  ["execve finds no program", call("execveat", 1, "ENOEXEC")],
  ["the executable is open for writing", call("execveat", 1, "ETXTBSY")],
  ["execve is forbidden, as by a filter", call("execveat", 1, "EPERM")],
  ["the next executable can watch nothing", call("epoll_create1", next, "EMFILE")],
  ["the next executable cannot take signals", call("signalfd4", next, "ENOMEM")],
  ["the next executable lacks its last timer", call("timerfd_create", lastTimerOfNext, "EMFILE")],
  [wayBackShut, call("epoll_create1", next, "EMFILE"), call("execveat", 2, "ETXTBSY")],
];

describe("a renewal that fails leaves the pod as it was when", () => {
  test.each(refusals)(
    "%s",
    async (what, ...calls) => {
      const pod = await bed.openPod({ prepare: (directory) => writeOrder(directory, program, ...calls) });
      const container = await bed.start(pod, counting(7));
      const attached = await pod.monitor.attach({
        containerId: container.id,
        stdin: false,
        stdout: true,
        stderr: true,
      });
      const seen = collect(attached);
      const { id, streams } = await bed.openExec(pod, container, counting(5));
      const executed = collect(streams);
      const pid = theMonitor(pod.id);
      await grown("the exec's output", () => executed.stdout.length);

      expect(await other.launcher.renew(pod.monitor, pod.directory).catch((error) => error)).toMatchObject({
        code: "failed-precondition",
      });
      expect(readSyscallLog(pod.directory).failed).toBe(calls.length);

      expect(theMonitor(pod.id)).toBe(pid);
      const again = await bed.launcher.reconnect(pod.id, pod.directory);
      expect(again.build).toBe((what === wayBackShut ? other : bed).launcher.build);
      again.disconnect();
      await grown("the exec's output", () => executed.stdout.length);
      await grown("the attacher's output", () => seen.stdout.length);
      const later = await bed.start(pod, { argv: sh("exit 9") });
      expect(await later.exit()).toMatchObject({ exitCode: 9 });
      // Nothing fails any more.
      await other.launcher.renew(pod.monitor, pod.directory);
      expect(pod.monitor.build).toBe(other.launcher.build);

      await pod.monitor.signal(id, SIGTERM);
      expect(await streams.exited).toEqual({ exitCode: 5, signal: 0 });
      await streams.drained;
      await pod.monitor.signal(container.id, SIGTERM);
      expect(await container.exit()).toMatchObject({ exitCode: 7, signal: 0 });
      await attached.drained;
      const logged = container.lines().map(({ text }) => text);
      expectUnbroken(executed.stdout.trimEnd().split("\n"), 0);
      expectUnbroken(logged, 0);
      expectUnbroken(seen.stdout.slice(seen.stdout.indexOf("line ")).trimEnd().split("\n"));
    },
    60_000,
  );
});
