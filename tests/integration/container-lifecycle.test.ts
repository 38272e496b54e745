import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { ContainerState, Signal } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf, outcomeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { uniqueNumber } from "../harness/pod-config.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed({ images: ["busybox", "stop-signal"] });

describe("a container's life", () => {
  test("is told by its status", async () => {
    const earliest = BigInt(Date.now()) * 1_000_000n;
    const pod = await bed.runPod();
    const labels = { role: "main" };
    const annotations = { why: "test" };
    const container = await bed.create(pod, { command: ["sh", "-c", "sleep 0.05; exit 7"], labels, annotations });
    const created = await container.status();
    expect(created).toMatchObject({
      state: ContainerState.CONTAINER_CREATED,
      labels,
      annotations,
      startedAt: 0n,
      finishedAt: 0n,
    });
    expect(created.createdAt).toBeGreaterThanOrEqual(earliest);
    expect(created.image?.image).toBe(bed.registry.reference("busybox"));
    expect(created.logPath).toBe(container.logPath);

    await container.start();
    const exited = await container.waitExit();
    expect(exited.exitCode).toBe(7);
    expect(exited.reason).toBe("Error");
    expect(exited.startedAt).toBeGreaterThanOrEqual(created.createdAt);
    expect(exited.finishedAt).toBeGreaterThanOrEqual(exited.startedAt);
    expect(exited.finishedAt).toBeLessThanOrEqual(BigInt(Date.now() + 1) * 1_000_000n);

    await container.remove();
    await container.remove();
    expect(await codeOf(container.status())).toBe("NotFound");
  });

  test("running is told too", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const status = await container.status();
    expect(status).toMatchObject({ state: ContainerState.CONTAINER_RUNNING, finishedAt: 0n, exitCode: 0, reason: "" });
    expect(status.startedAt).toBeGreaterThan(0n);
  });

  const exits = [
    { script: "exit 0", exitCode: 0, reason: "Completed" },
    { script: "exit 1", exitCode: 1, reason: "Error" },
    { script: "exit 255", exitCode: 255, reason: "Error" },
    { script: "kill -TERM $$", exitCode: 143, reason: "Error" },
    { script: "kill -KILL $$", exitCode: 137, reason: "Error" },
  ];
  test("ends with its exit code and a reason", async () => {
    const pod = await bed.runPod();
    for (const { script, exitCode, reason } of exits) {
      // As a child of the shell: PID 1 of a namespace does not die of its own signals.
      const container = await bed.run(pod, { command: ["sh", "-c", `sh -c '${script}'; exit $?`] });
      expect(await container.waitExit()).toMatchObject({ exitCode, reason });
    }
  });

  test("many that end at once all keep their exit codes", async () => {
    const pod = await bed.runPod();
    const codes = Array.from({ length: 12 }, (_, index) => index);
    const containers = await Promise.all(codes.map((code) => bed.run(pod, { command: ["sh", "-c", `exit ${code}`] })));
    const seen = await Promise.all(containers.map(async (container) => (await container.waitExit()).exitCode));
    expect(seen).toEqual(codes);
  });

  test("two containers never share a name, and an attempt is one of its own", async () => {
    const pod = await bed.runPod();
    const metadata = { name: `twin-${uniqueNumber()}`, attempt: 0 };
    await Promise.allSettled([
      bed.create(pod, { metadata, command: ["true"] }),
      bed.create(pod, { metadata, command: ["false"] }),
    ]);
    await bed.create(pod, { metadata: { ...metadata, attempt: 1 } });
    const { containers } = await bed.cri.runtime.listContainers({ filter: { podSandboxId: pod.id } });
    expect(containers.map((container) => container.metadata?.attempt).toSorted()).toEqual([0, 1]);
  });

  test("starting twice, or after the end, is refused", async () => {
    const container = await bed.runIdle(await bed.runPod());
    expect(await codeOf(container.start())).not.toBe("OK");
    await container.stop();
    expect(await codeOf(container.start())).not.toBe("OK");
    expect((await container.status()).state).toBe(ContainerState.CONTAINER_EXITED);
  });

  test("a stopped pod takes no new containers", async () => {
    const pod = await bed.runPod();
    await pod.stop();
    expect(await codeOf(bed.create(pod))).not.toBe("OK");
  });

  test("removing a running container ends it", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const pid = await container.pid();
    await container.remove();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
  });

  test("stopping the pod ends its containers and keeps what they said", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    await pod.stop();
    const status = await container.status();
    expect(status.state).toBe(ContainerState.CONTAINER_EXITED);
    expect(status.exitCode).toBe(137);
  });
});

describe("what cannot start", () => {
  const commands: readonly (readonly [string, readonly string[]])[] = [
    ["a command that is not there", ["/no/such/command"]],
    ["a name that PATH does not find", ["no-such-command"]],
    ["a file that is not executable", ["/etc/passwd"]],
    ["a directory", ["/etc"]],
  ];
  for (const [what, command] of commands) {
    test(`${what}: start fails and says so, the container is exited with StartError`, async () => {
      const container = await bed.create(await bed.runPod(), { command: [...command] });
      const outcome = await outcomeOf(container.start());
      expect(outcome.code).not.toBe("OK");
      expect(outcome.message).toContain(command[0] ?? "");
      const status = await container.status();
      expect(status).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 128, reason: "StartError" });
      expect(status.message).not.toBe("");
    });
  }

  test("an unknown image", async () => {
    const pod = await bed.runPod();
    expect(await codeOf(bed.create(pod, { imageReference: `${bed.registry.host}/never/pulled:1` }))).toBe("NotFound");
  });
});

describe("stopping", () => {
  const trap = (body: string): string[] => ["sh", "-c", `${body}; echo ready; while :; do sleep 0.05; done`];

  test("sends TERM first, and the workload may end in its own way", async () => {
    const container = await bed.run(await bed.runPod(), { command: trap("trap 'echo bye; exit 3' TERM") });
    await container.waitLog("ready");
    await container.stop(10);
    expect((await container.status()).exitCode).toBe(3);
    expect(await container.waitLog("bye")).toContain("bye");
  });

  test("kills after the grace period, not before", async () => {
    const container = await bed.run(await bed.runPod(), { command: trap("trap 'echo no' TERM") });
    await container.waitLog("ready");
    const start = performance.now();
    await container.stop(1);
    const tookMs = performance.now() - start;
    expect((await container.status()).exitCode).toBe(137);
    expect(await container.waitLog("no")).toContain("no");
    expect(tookMs).toBeGreaterThan(950);
    expect(tookMs).toBeLessThan(10_000);
  });

  onlyCrib("a signal that comes before the handler is lost, and the grace sat out")(
    "a container that is stopped before its program has set itself up still hears of it",
    async () => {
      const command = ["sh", "-c", "sleep 1; trap 'exit 7' TERM; while :; do sleep 0.05; done"];
      const container = await bed.run(await bed.runPod(), { command });
      await container.stop(60);
      expect((await container.status()).exitCode).toBe(7);
    },
  );

  test("kills at once with grace 0", async () => {
    const container = await bed.run(await bed.runPod(), { command: trap("trap 'echo no' TERM") });
    await container.waitLog("ready");
    await container.stop(0);
    expect((await container.status()).exitCode).toBe(137);
  });

  test("uses the image's signal", async () => {
    const command = trap("trap 'echo usr1; exit 5' USR1; trap 'exit 6' TERM");
    const container = await bed.run(await bed.runPod(), { image: "stop-signal", command });
    await container.waitLog("ready");
    await container.stop(10);
    expect((await container.status()).exitCode).toBe(5);
  });

  onlyCrib("ContainerConfig.stop_signal is newer")("uses the request's signal before the image's", async () => {
    const command = trap("trap 'exit 5' USR1; trap 'exit 6' USR2");
    const request = { image: "stop-signal", command, stopSignal: Signal.SIGUSR2 } as const;
    const container = await bed.run(await bed.runPod(), request);
    await container.waitLog("ready");
    await container.stop(10);
    expect((await container.status()).exitCode).toBe(6);
    expect((await container.status()).stopSignal).toBe(Signal.SIGUSR2);
  });

  test("can be repeated and is harmless on what ended or never ran", async () => {
    const pod = await bed.runPod();
    const ended = await bed.run(pod, { command: ["sh", "-c", "exit 4"] });
    await ended.waitExit();
    await ended.stop(1);
    await ended.stop(1);
    expect((await ended.status()).exitCode).toBe(4);
    await (await bed.create(pod)).stop(0);
  });

  test("takes the children along", async () => {
    const container = await bed.run(await bed.runPod(), {
      command: ["sh", "-c", "sleep 4711 & sleep 4711 & echo up; wait"],
    });
    await container.waitLog("up");
    await container.stop(0);
    const left = (): string =>
      Bun.spawnSync([
        "grep",
        "-ls",
        "4711",
        ...new Bun.Glob("/proc/[0-9]*/cmdline").scanSync({ onlyFiles: false }),
      ]).stdout.toString();
    await waitUntil(() => left() === "", { what: "no sleep 4711 is left" });
  });

  test("waits for a stop already under way", async () => {
    const container = await bed.run(await bed.runPod(), { command: trap("trap 'sleep 0.3; exit 9' TERM") });
    await container.waitLog("ready");
    await Promise.all([container.stop(10), container.stop(10)]);
    expect((await container.status()).exitCode).toBe(9);
  });
});

describe("lists", () => {
  test("are filtered by id, pod, state and labels together", async () => {
    const tag = `list-${uniqueNumber()}`;
    const pod = await bed.runPod();
    const other = await bed.runPod();
    const running = await bed.runIdle(pod, { labels: { tag, kind: "idle" } });
    const created = await bed.create(pod, { labels: { tag } });
    const exited = await bed.run(other, { command: ["true"], labels: { tag } });
    await exited.waitExit();
    const list = async (filter: object): Promise<readonly string[]> => {
      const { containers } = await bed.cri.runtime.listContainers({ filter });
      return containers.map((container) => container.id).toSorted();
    };
    const all = [running.id, created.id, exited.id].toSorted();
    expect(await list({ labelSelector: { tag } })).toEqual(all);
    expect(await list({ podSandboxId: pod.id })).toEqual([running.id, created.id].toSorted());
    expect(await list({ podSandboxId: pod.id.slice(0, 16), labelSelector: { kind: "idle" } })).toEqual([running.id]);
    expect(await list({ id: created.id.slice(0, 16) })).toEqual([created.id]);
    const states = [
      [ContainerState.CONTAINER_CREATED, created.id],
      [ContainerState.CONTAINER_RUNNING, running.id],
      [ContainerState.CONTAINER_EXITED, exited.id],
    ] as const;
    for (const [state, id] of states) expect(await list({ state: { state }, labelSelector: { tag } })).toEqual([id]);
    expect(await list({ id: running.id, podSandboxId: other.id })).toEqual([]);
  });

  test("tell of each container what its status tells", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod, { labels: { a: "1" }, annotations: { b: "2" } });
    const { containers } = await bed.cri.runtime.listContainers({ filter: { id: container.id } });
    const status = await container.status();
    expect(containers[0]).toMatchObject({
      id: container.id,
      podSandboxId: pod.id,
      metadata: { ...status.metadata },
      labels: status.labels,
      annotations: status.annotations,
      createdAt: status.createdAt,
      state: status.state,
    });
    expect(containers[0]?.image?.image).not.toBe("");
    expect(containers[0]?.imageRef).not.toBe("");
  });
});
