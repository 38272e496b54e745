import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { type Breakable, FakeMachine } from "../../../tests/fixtures/fake-machine.ts";
import { requestedMount } from "../../../tests/fixtures/specs.ts";
import { CribError } from "../../errors/crib-error.ts";
import { ImageSpecSchema } from "../../gen/runtime/v1/api_pb.ts";
import { parseHostPath } from "../../ids/path.ts";
import { SIGTERM } from "../../kernel/signals.ts";

let machine: FakeMachine;

beforeEach(async () => {
  machine = new FakeMachine();
  await machine.start();
});
afterEach(() => machine[Symbol.dispose]());

const codeOf = (work: Promise<unknown>): Promise<string> =>
  machine.settle(work.then(() => "ok")).catch((error: unknown) => (CribError.is(error) ? error.code : String(error)));

describe("a pod", () => {
  test("is made, stopped and removed, and nothing is left", async () => {
    const pod = await machine.runPod();
    const container = await machine.runContainer(pod);
    expect(machine.pods.container(container).state).toBe("running");
    await machine.settle(machine.pods.stopSandbox(pod));
    expect(machine.pods.sandbox(pod)).toMatchObject({ state: "notready", networkReleased: true, monitor: undefined });
    expect(machine.pods.container(container)).toMatchObject({ state: "exited", exitCode: 137 });
    await machine.settle(machine.pods.removeSandbox(pod));
    expect(machine.pods.sandboxes()).toEqual([]);
    expect(machine.pods.containers()).toEqual([]);
    expect(machine.leftovers()).toEqual([]);
    await machine.settle(machine.pods.removeSandbox(pod));
  });

  test.each(["launch", "setup", "attach", "mount"] satisfies Breakable[])(
    "that cannot be made because %s fails leaves nothing, and can be made again",
    async (part) => {
      machine.break(part, 1);
      expect(await codeOf(machine.runPod("twice"))).not.toBe("ok");
      expect(machine.leftovers()).toEqual([]);
      expect(machine.intents).toEqual([]);
      await machine.runPod("twice");
    },
  );

  test.each(["network", "pins", "shm", "cgroup"] satisfies Breakable[])(
    "that cannot be made and of which %s cannot be undone keeps its intent until it can",
    async (part) => {
      machine.break("attach", 1);
      machine.break(part);
      expect(await codeOf(machine.runPod())).toBe("unavailable");
      expect(machine.intents).toHaveLength(1);
      machine.mend(part);
      await machine.until("the intent is cleared", () => machine.intents.length === 0);
      expect(machine.leftovers()).toEqual([]);
    },
  );

  test.each(["network", "pins", "shm", "cgroup"] satisfies Breakable[])(
    "that cannot be made, whose undoing of %s fails and whose daemon dies, is undone by the next",
    async (part) => {
      machine.break("attach", 1);
      machine.break(part);
      expect(await codeOf(machine.runPod())).toBe("unavailable");
      machine.mend(part);
      await machine.start();
      expect(machine.leftovers()).toEqual([]);
      expect(machine.intents).toEqual([]);
    },
  );
});

describe("the end of a pod", () => {
  const steps = ["network", "pins", "shm", "cgroup"] as const;
  // Without its network given back a pod has not stopped; the rest is crib's own to give back later.
  const outcome = { network: "unavailable", pins: "internal", shm: "ok", cgroup: "ok" } as const;

  test.each(steps)(
    "whose step %s fails is finished by the daemon itself, and says until then what is left",
    async (step) => {
      const pod = await machine.runPod();
      await machine.runContainer(pod);
      machine.break(step);
      expect(await codeOf(machine.pods.stopSandbox(pod))).toBe(outcome[step]);
      expect(machine.pods.sandbox(pod).state).toBe("notready");
      expect(machine.pods.sandboxTrouble(pod).notGivenBack.map((failure) => failure.step)).toEqual([step]);
      expect(machine.pods.sandbox(pod).released).not.toContain(step);
      machine.mend(step);
      await machine.until("all is given back", () => machine.pods.sandboxTrouble(pod).notGivenBack.length === 0);
      expect(machine.leftovers()).toEqual([]);
      await machine.settle(machine.pods.removeSandbox(pod));
    },
  );

  test.each(steps)("whose step %s fails is not forgotten by a removal", async (step) => {
    const pod = await machine.runPod();
    machine.break(step);
    expect(await codeOf(machine.pods.removeSandbox(pod))).not.toBe("ok");
    expect(machine.pods.sandboxes()).toHaveLength(1);
    machine.mend(step);
    await machine.settle(machine.pods.removeSandbox(pod));
    expect(machine.leftovers()).toEqual([]);
  });

  test.each(steps)("whose step %s fails is finished by the next daemon", async (step) => {
    const pod = await machine.runPod();
    machine.break(step);
    await codeOf(machine.pods.stopSandbox(pod));
    machine.mend(step);
    await machine.start();
    expect(machine.leftovers()).toEqual([]);
    expect(machine.pods.sandbox(pod).state).toBe("notready");
  });

  test("with a DEL that always fails still ends the monitor and its namespaces", async () => {
    const pod = await machine.runPod();
    const { pid } = machine.monitor(pod);
    machine.break("network");
    expect(await codeOf(machine.pods.stopSandbox(pod))).toBe("unavailable");
    expect(machine.processes.get(pid)?.status.state).toBe("Z");
    // The pin stays: the namespace is what a DEL is repeated with.
    expect([...machine.mounted]).toEqual([expect.stringContaining("/netns/")]);
  });

  test("whose monitor does not die is told, and goes when that does", async () => {
    machine.break("monitor", 1);
    const pod = await machine.runPod();
    const monitor = machine.monitor(pod);
    monitor.deaf = true;
    expect(await codeOf(machine.pods.stopSandbox(pod))).toBe("ok");
    expect(machine.pods.sandboxTrouble(pod).notGivenBack).toMatchObject([{ step: "monitor" }]);
    expect(machine.pods.sandbox(pod).monitor?.pid).toBe(monitor.pid);
    expect(await codeOf(machine.pods.removeSandbox(pod))).toBe("deadline-exceeded");
    machine.processes.delete(monitor.pid);
    await machine.until("all is given back", () => machine.pods.sandboxTrouble(pod).notGivenBack.length === 0);
    await machine.settle(machine.pods.removeSandbox(pod));
    expect(machine.leftovers()).toEqual([]);
  });
});

describe("a monitor that does not answer", () => {
  test("ends no pod, and is found again with the exits of meanwhile", async () => {
    const pod = await machine.runPod();
    const container = await machine.runContainer(pod);
    const other = await machine.runContainer(pod, "other");
    const monitor = machine.monitor(pod);
    monitor.deaf = true;
    monitor.loseConnection();
    await machine.until("it is unknown", () => machine.pods.sandboxTrouble(pod).monitor !== undefined);
    expect(machine.pods.sandbox(pod).state).toBe("ready");
    expect(machine.pods.container(container).state).toBe("running");
    monitor.exit(container, 7);
    monitor.deaf = false;
    await machine.until("it is found", () => machine.pods.sandboxTrouble(pod).monitor === undefined);
    expect(machine.pods.container(container)).toMatchObject({ state: "exited", exitCode: 7 });
    expect(machine.pods.container(other).state).toBe("running");
  });

  test("is unknown to a daemon that starts, and dead only when its process is gone", async () => {
    const pod = await machine.runPod();
    const container = await machine.runContainer(pod);
    const monitor = machine.monitor(pod);
    monitor.deaf = true;
    await machine.start();
    expect(machine.pods.sandbox(pod).state).toBe("ready");
    expect(machine.pods.container(container).state).toBe("running");
    machine.kill(monitor.pid);
    await machine.until("the pod has ended", () => machine.pods.sandbox(pod).state === "notready");
    expect(machine.pods.container(container)).toMatchObject({ state: "exited", exitCode: 255 });
  });

  test("does not keep its containers from being stopped one by one", async () => {
    const pod = await machine.runPod();
    const container = await machine.runContainer(pod);
    machine.monitor(pod).deaf = true;
    await machine.settle(machine.pods.stopContainer(container, 0n));
    expect(machine.pods.container(container)).toMatchObject({ state: "exited", exitCode: 137 });
    expect(machine.pods.sandbox(pod).state).toBe("ready");
  });
});

describe("a start that hangs", () => {
  const hanging = async () => {
    const pod = await machine.runPod();
    const container = await machine.createContainer(pod);
    const gate = Promise.withResolvers<void>();
    machine.monitor(pod).startGate = gate.promise;
    const start = machine.pods.startContainer(container).then(
      () => "ok",
      (error: unknown) => (CribError.is(error) ? error.code : String(error)),
    );
    await machine.settle(Promise.resolve());
    return { pod, container, gate, start };
  };

  test("is ended by a removal, and what is removed cannot be written again", async () => {
    const { container, start, gate } = await hanging();
    await machine.settle(machine.pods.removeContainer(container));
    gate.resolve();
    expect(await start).toBe("failed-precondition");
    await machine.settle(Promise.resolve());
    expect(machine.pods.containers()).toEqual([]);
  });

  test("is ended by its pod's stop", async () => {
    const { pod, container, start } = await hanging();
    await machine.settle(machine.pods.stopSandbox(pod));
    expect(await start).toBe("failed-precondition");
    expect(machine.pods.container(container)).toMatchObject({ state: "exited", reason: "StartError" });
    expect(await codeOf(machine.pods.startContainer(container))).toBe("failed-precondition");
  });

  test("has a deadline of its own", async () => {
    const { container, start } = await hanging();
    expect(await machine.settle(start)).toBe("deadline-exceeded");
    expect(machine.pods.container(container)).toMatchObject({ state: "exited", reason: "StartError" });
  });

  test("holds up neither a start nor a removal beside it", async () => {
    const { pod, container } = await hanging();
    machine.monitor(pod).startGate = Promise.resolve();
    const other = await machine.runContainer(pod, "other");
    await machine.settle(machine.pods.removeContainer(other));
    expect(machine.pods.container(container).state).toBe("created");
  });
});

test("an image volume is taken from where its layers are now, not from where they were when the container was made", async () => {
  const pod = await machine.runPod();
  machine.images.lowerDirs = [parseHostPath("/")];
  const volume = create(ImageSpecSchema, { image: "busybox:1.36" });
  const mounts = [requestedMount({ containerPath: "/v", readonly: true, image: volume })];
  const container = await machine.createContainer(pod, "model", mounts);
  machine.images.lowerDirs = [parseHostPath("/proc/7/fd/8")];
  await machine.settle(machine.pods.startContainer(container));
  const steps = machine.monitor(pod).plan?.steps ?? [];
  expect(steps.flatMap((step) => (step.kind === "open-image" ? step.lower : []))).toEqual([
    ...machine.images.lowerDirs,
  ]);
});

describe("a stop with a grace", () => {
  test("has written down that it signals before it does, so that no later daemon signals again", async () => {
    const container = await machine.runContainer(await machine.runPod());
    const known: unknown[] = [];
    machine.beforeSignal = (signal) => {
      if (signal === SIGTERM) known.push(machine.pods.container(container).stop?.signalled);
    };
    await machine.settle(machine.pods.stopContainer(container, 1n));
    expect(known).toEqual([true]);
  });

  test("whose daemon dies goes on where it was, without a second signal", async () => {
    const pod = await machine.runPod();
    const container = await machine.runContainer(pod);
    const stop = machine.pods.stopContainer(container, 30n);
    stop.catch(() => undefined);
    await machine.until("the signal is sent", () => machine.pods.container(container).stop?.signalled === true);
    const deadline = machine.pods.container(container).stop?.deadlineUptimeMs;
    await machine.start();
    expect(machine.pods.container(container).stop).toEqual({ deadlineUptimeMs: deadline ?? 0, signalled: true });
    expect(machine.signals.filter((signal) => signal === 15)).toHaveLength(1);
    const retry = machine.pods.stopContainer(container, 3_000n);
    await machine.settle(retry);
    expect(machine.clock.monotonicMs()).toBeLessThan((deadline ?? 0) + 1_000);
    expect(machine.pods.container(container)).toMatchObject({ state: "exited", exitCode: 137, stop: undefined });
  });
});
