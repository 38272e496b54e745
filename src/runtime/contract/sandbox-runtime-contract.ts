import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CribError } from "../../errors/crib-error.ts";
import { type ContainerId, newContainerId, newExecId, newSandboxId } from "../../ids/object-id.ts";
import type { HostPath } from "../../ids/path.ts";
import { parseHostPath } from "../../ids/path.ts";
import type { ProcessRef } from "../../kernel/process/process-ref.ts";
import { SIGKILL } from "../../kernel/signals.ts";
import type { ContainerExit, ContainerLaunch, SandboxHandle, SandboxRuntime } from "../port.ts";

/** A runtime that is held to the contract, and what the suite needs of the machine it is on. */
export interface RuntimeUnderTest extends AsyncDisposable {
  readonly runtime: SandboxRuntime;
  /** Where `reserve` puts a pod of this id. */
  directoryOf(id: string): HostPath;
  /** Makes what pods make before a start: bundle, root, control group. The root has busybox. */
  launch(id: ContainerId, argv: readonly string[]): ContainerLaunch;
  /** Undefined: there is no such process. */
  process(pid: number): ProcessRef | undefined;
  /** Lets time pass until `work` is done, within a bound. */
  settle<T>(work: Promise<T>): Promise<T>;
  until(what: string, condition: () => boolean): Promise<void>;
}

const sleeps = ["busybox", "sleep", "1000"];
const exitsWith = (code: number) => ["busybox", "sh", "-c", `exit ${code}`];

/** What pods rely on, whichever runtime it is: `describeSandboxRuntime("native", open)` is all a further one needs. */
export function describeSandboxRuntime(name: string, open: () => Promise<RuntimeUnderTest>): void {
  describe(`the runtime ${name}`, () => {
    let bed: RuntimeUnderTest;
    beforeAll(async () => {
      bed = await open();
    });
    afterAll(async () => {
      await bed[Symbol.asyncDispose]();
    });

    async function openPod(): Promise<Pod> {
      const namespaces = { hostNetwork: false, hostUts: false, hostIpc: false, userNamespace: undefined };
      const reservation = bed.runtime.reserve(namespaces, { fresh: true });
      const { launched, ready } = reservation.begin({ namespaces, hostname: "pod", sharedPid: false, sysctls: [] });
      const handle = await bed.settle(launched);
      await bed.settle(ready);
      return watch(handle, bed.directoryOf(reservation.id));
    }

    async function start(pod: Pod, argv: readonly string[]) {
      const id = newContainerId();
      const launch = bed.launch(id, argv);
      const started = await bed.settle(pod.handle.start(launch));
      return { id, launch, ...started };
    }

    async function end({ handle, directory }: Pod): Promise<void> {
      const { sandboxId: id } = handle;
      await bed.settle(bed.runtime.end({ id, directory, handle, keeper: bed.process(handle.pid), init: undefined }));
    }

    test("reserves an id before anything happens, and fresh ones are never the same", () => {
      const namespaces = { hostNetwork: true, hostUts: true, hostIpc: true, userNamespace: undefined };
      const ids = [1, 2, 3].map(() => bed.runtime.reserve(namespaces, { fresh: true }).id);
      expect(new Set(ids).size).toBe(3);
    });

    test("starts a container that runs, and tells of it", async () => {
      const pod = await openPod();
      const { id, pid } = await start(pod, sleeps);
      expect(bed.process(pid)).toBeDefined();
      expect(await bed.settle(pod.handle.list())).toMatchObject([{ id, pid, exit: undefined }]);
      await end(pod);
    });

    test("a second start of the same container is refused", async () => {
      const pod = await openPod();
      const { launch } = await start(pod, sleeps);
      expect(await codeOf(bed.settle(pod.handle.start(launch)))).not.toBe("ok");
      await end(pod);
    });

    test("tells an exit once, with its code, and in its list until it is forgotten", async () => {
      const pod = await openPod();
      const { id } = await start(pod, exitsWith(7));
      await bed.until("the exit", () => pod.exits.length > 0);
      expect(pod.exits).toMatchObject([{ id, exitCode: 7, signal: 0, oomKilled: false }]);
      expect(await bed.settle(pod.handle.list())).toMatchObject([{ id, exit: { exitCode: 7 } }]);
      await bed.settle(pod.handle.forget(id));
      expect(await bed.settle(pod.handle.list())).toEqual([]);
      await end(pod);
    });

    test("a program that is not there is the author's to read, and leaves no container", async () => {
      const pod = await openPod();
      const launch = bed.launch(newContainerId(), ["/no/such/program"]);
      const error = await errorOf(bed.settle(pod.handle.start(launch)));
      expect(error).toMatchObject({
        code: "failed-precondition",
        message: expect.stringContaining("/no/such/program"),
      });
      expect(await bed.settle(pod.handle.list())).toEqual([]);
      await end(pod);
    });

    test("a signal ends a container, and one to nobody is fine", async () => {
      const pod = await openPod();
      const { id } = await start(pod, sleeps);
      await bed.settle(pod.handle.signal(id, SIGKILL));
      await bed.until("the exit", () => pod.exits.length > 0);
      expect(pod.exits).toMatchObject([{ id, exitCode: 128 + SIGKILL, oomKilled: false }]);
      await bed.settle(pod.handle.signal(id, SIGKILL));
      await end(pod);
    });

    test("a pod outlives its connection: what ran runs, what exited meanwhile is told", async () => {
      const pod = await openPod();
      const lasting = await start(pod, sleeps);
      pod.handle.disconnect();
      const handle = await bed.settle(bed.runtime.adopt(pod.handle.sandboxId, pod.directory));
      expect(handle.pid).toBe(pod.handle.pid);
      const again = watch(handle, pod.directory);
      expect(await bed.settle(handle.list())).toMatchObject([{ id: lasting.id, pid: lasting.pid, exit: undefined }]);
      await bed.settle(handle.signal(lasting.id, SIGKILL));
      await bed.until("the exit", () => again.exits.length > 0);
      await end(again);
    });

    test("adopting a pod that is not there is unavailable", async () => {
      const id = newSandboxId();
      expect(await codeOf(bed.settle(bed.runtime.adopt(id, bed.directoryOf(id))))).toBe("unavailable");
    });

    test("ends a pod with all that runs in it, as often as it is asked to", async () => {
      const pod = await openPod();
      const { pid } = await start(pod, sleeps);
      const keeper = bed.process(pod.handle.pid);
      await end(pod);
      await bed.until("the end of the container", () => bed.process(pid) === undefined);
      await bed.until("the end of the keeper", () => bed.process(pod.handle.pid) === undefined);
      const { sandboxId: id } = pod.handle;
      await bed.settle(bed.runtime.end({ id, directory: pod.directory, handle: undefined, keeper, init: undefined }));
    });

    test("a pod that was reserved and never begun is ended without a word", async () => {
      const id = newSandboxId();
      const directory = bed.directoryOf(id);
      await bed.settle(bed.runtime.end({ id, directory, handle: undefined, keeper: undefined, init: undefined }));
    });
  });
}

/** The part of the contract that runs commands, which only a real runtime does. */
export function describeCommands(name: string, open: () => Promise<RuntimeUnderTest>): void {
  describe(`commands in containers of the runtime ${name}`, () => {
    let bed: RuntimeUnderTest;
    let pod: Pod;
    let container: { readonly launch: ContainerLaunch; readonly process: ProcessRef };
    beforeAll(async () => {
      bed = await open();
      const namespaces = { hostNetwork: false, hostUts: false, hostIpc: false, userNamespace: undefined };
      const reservation = bed.runtime.reserve(namespaces, { fresh: true });
      const { launched, ready } = reservation.begin({ namespaces, hostname: "pod", sharedPid: false, sysctls: [] });
      pod = watch(await launched, bed.directoryOf(reservation.id));
      await ready;
      const launch = bed.launch(newContainerId(), sleeps);
      const { pid } = await pod.handle.start(launch);
      const process = bed.process(pid);
      if (process === undefined) throw new Error("the container has ended");
      container = { launch, process };
    });
    afterAll(async () => {
      const { handle, directory } = pod;
      const { sandboxId: id, pid } = handle;
      await bed.runtime.end({ id, directory, handle, keeper: bed.process(pid), init: undefined });
      await bed[Symbol.asyncDispose]();
    });

    function command(script: string, terminal = false) {
      const { id, spec, cgroup } = container.launch;
      return {
        id: newExecId(),
        container: { id, spec, cgroup, process: container.process },
        process: { ...spec.process, args: ["busybox", "sh", "-c", script], terminal },
        stdin: false,
      };
    }

    test("have output, a code and the container's own processes in sight", async () => {
      const session = await pod.handle.exec(command("echo out; echo err >&2; busybox cat /proc/1/cmdline; exit 5"));
      const output = { stdout: "", stderr: "" };
      session.onOutput((stream, bytes) => {
        output[stream] += Buffer.from(bytes).toString("latin1");
      });
      expect(await session.exited).toMatchObject({ exitCode: 5, signal: 0 });
      await session.drained;
      expect(output).toEqual({ stdout: "out\nbusybox\0sleep\x001000\0", stderr: "err\n" });
    });

    test("are killed when asked", async () => {
      const session = await pod.handle.exec(command("busybox sleep 1000"));
      session.kill();
      expect(await session.exited).toMatchObject({ exitCode: 128 + SIGKILL });
    });

    test("that are not there are refused, naming them", async () => {
      const asked = command("");
      const process = { ...asked.process, args: ["/no/such/command"] };
      const error = await errorOf(pod.handle.exec({ ...asked, process }));
      expect(error?.message).toContain("/no/such/command");
      expect(error?.code).toBe("failed-precondition");
    });

    test("with a client take its input to the end", async () => {
      const asked = { ...command("busybox cat; exit 4"), stdin: true, stdout: true, stderr: true };
      using streams = await pod.handle.openExec(asked);
      let output = "";
      streams.onOutput((_stream, bytes) => {
        output += Buffer.from(bytes).toString("latin1");
      });
      await streams.writeStdin(Buffer.from("typed\n"));
      await streams.closeStdin();
      expect(await streams.exited).toMatchObject({ exitCode: 4 });
      await streams.drained;
      expect(output).toBe("typed\n");
    });
  });
}

interface Pod {
  readonly handle: SandboxHandle;
  readonly directory: HostPath;
  readonly exits: ContainerExit[];
}

function watch(handle: SandboxHandle, directory: HostPath): Pod {
  const exits: ContainerExit[] = [];
  handle.onExit((exit) => exits.push(exit));
  return { handle, directory: parseHostPath(directory), exits };
}

async function errorOf(work: Promise<unknown>): Promise<CribError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof CribError) return error;
    throw error;
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return (await errorOf(work))?.code ?? "ok";
}
