import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { FakeMachine } from "../../../tests/fixtures/fake-machine.ts";
import { CribError } from "../../errors/crib-error.ts";
import { Errno } from "../../errors/errno.ts";
import { MonitorError } from "../../runtime/native/monitor/launch-failure.ts";
import type { Monitor } from "../../runtime/native/monitor/port.ts";

let machine: FakeMachine;

beforeEach(async () => {
  machine = new FakeMachine();
  await machine.start();
});
afterEach(() => machine[Symbol.dispose]());

/** A command of a container whose monitor does as `exec` says. */
async function execOf(exec: Monitor["exec"], timeoutSeconds: bigint): Promise<CribError> {
  const pod = await machine.runPod();
  const containerId = await machine.runContainer(pod);
  machine.monitor(pod).exec = exec;
  try {
    await machine.settle(machine.pods.execSync({ containerId, command: ["true"], timeoutSeconds }));
  } catch (error) {
    if (error instanceof CribError) return error;
    throw error;
  }
  throw new Error("the command ran");
}

describe("N7: ExecSync of a stage that hangs", () => {
  test.each([
    [2n, 2_000, "timed out after 2 s and was killed"],
    [0n, 60_000, "was not started within 60 s"],
    [3600n, 60_000, "was not started within 60 s"],
    [2n ** 62n, 60_000, "was not started within 60 s"],
  ])("with a timeout of %d s gives the monitor %d ms to start it, and waits no longer", async (seconds, ms, words) => {
    const asked: (number | undefined)[] = [];
    const began = machine.clock.monotonicMs();
    const error = await execOf(({ timeoutMs }, giveUp) => {
      asked.push(timeoutMs);
      const { promise, reject } = Promise.withResolvers<never>();
      giveUp?.addEventListener("abort", () => reject(giveUp.reason as Error));
      return promise;
    }, seconds);
    expect(asked).toEqual([ms]);
    expect(error).toMatchObject({ code: "deadline-exceeded", message: expect.stringContaining(words) });
    expect(machine.clock.monotonicMs() - began).toBeWithin(ms, ms + 2_000);
  });

  test("that the monitor kills first says the same", async () => {
    const killed = { errno: Errno.ETIMEDOUT, step: "join-cgroup", index: 0, path: "" };
    const error = await execOf(async () => {
      throw new MonitorError({ ...killed, call: "took too long and was killed" });
    }, 2n);
    expect(error).toMatchObject({
      code: "deadline-exceeded",
      message: expect.stringMatching(/^command in container \w+ timed out after 2 s and was killed$/),
    });
  });
});
