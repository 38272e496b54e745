import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { FakeMachine } from "../../../tests/fixtures/fake-machine.ts";
import type { SandboxId } from "../../ids/object-id.ts";

let machine: FakeMachine;

beforeEach(async () => {
  machine = new FakeMachine();
  await machine.start();
});
afterEach(() => machine[Symbol.dispose]());

function setBuild(pod: string, build: string | undefined): void {
  const monitor = machine.monitors.get(pod as SandboxId);
  if (monitor === undefined) throw new Error(`no monitor of ${pod}`);
  monitor.build = build;
}

describe("monitors of running pods", () => {
  test("are told with their builds; a stopped pod has none", async () => {
    const [running, stopped] = [await machine.runPod("running"), await machine.runPod("stopped")];
    await machine.settle(machine.pods.stopSandbox(stopped));
    setBuild(running, undefined);
    expect(machine.pods.monitors()).toEqual([{ id: running, build: undefined, newest: "this" }] as never);
  });

  test("are renewed where they are older, and by name whatever they are", async () => {
    const [old, current] = [await machine.runPod("old"), await machine.runPod("current")];
    setBuild(old, "before");
    const renewed = { build: "this", failure: undefined };
    expect(await machine.settle(machine.pods.renewMonitors([]))).toEqual([{ id: old, ...renewed }] as never);
    expect(await machine.settle(machine.pods.renewMonitors([]))).toEqual([]);
    expect(await machine.settle(machine.pods.renewMonitors([current]))).toEqual([{ id: current, ...renewed }] as never);
  });

  test("that do not answer fail no other, and say why", async () => {
    const [deaf, old] = [await machine.runPod("deaf"), await machine.runPod("old")];
    const monitor = machine.monitors.get(deaf as SandboxId);
    if (monitor === undefined) throw new Error("no monitor");
    monitor.deaf = true;
    monitor.loseConnection();
    await machine.until("it is unknown", () => machine.pods.sandboxTrouble(deaf).monitor !== undefined);
    setBuild(old, "before");
    const outcomes = await machine.settle(machine.pods.renewMonitors([]));
    expect(outcomes.map(({ id, failure }) => [id, failure?.code])).toEqual(
      expect.arrayContaining([
        [old, undefined],
        [deaf, "unavailable"],
      ] as never),
    );
  });

  test.each([
    ["are renewed by the next daemon, where it is told to at its start", true, "this"],
    ["are left as they are by the next daemon otherwise", false, "before"],
  ])("%s", async (_what, renewMonitors, build) => {
    const pod = await machine.runPod();
    const container = await machine.runContainer(pod);
    setBuild(pod, "before");
    await machine.start({ renewMonitors });
    // A renewal begins when all pods have been looked at, and ends in the turns of the loop behind that.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(machine.pods.monitors()).toMatchObject([{ id: pod, build }]);
    expect(machine.pods.container(container).state).toBe("running");
  });

  test("of no pod are not found", async () => {
    expect(machine.pods.renewMonitors(["feed"])).rejects.toMatchObject({ code: "not-found" });
  });
});
