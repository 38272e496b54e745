import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { containerConfig, podConfig, uniqueNumber } from "../harness/pod-config.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

/** A client that got no answer asks again; what it sends says the same, and is written in another order. */
const bed = useTestBed();
const test = onlyCrib("refuses every second request for a name");

const keys = ["b", "a", "kubernetes.io/c", "d"];
const shuffled = ["d", "kubernetes.io/c", "b", "a"];
const mapOf = (order: readonly string[]) => Object.fromEntries(order.map((key) => [key, `of ${key}`]));

test("a pod and a container are the same after any order, a restart of the daemon and its death (AlreadyExists)", async () => {
  const pod = podConfig(bed.engine);
  const ask = async (order: readonly string[]) => {
    const config = create(PodSandboxConfigSchema, { ...pod, labels: mapOf(order), annotations: mapOf(order) });
    return (await bed.cri.runtime.runPodSandbox({ config })).podSandboxId;
  };
  const id = await ask(keys);
  expect(await ask(shuffled)).toBe(id);

  const busybox = bed.registry.reference("busybox");
  const container = containerConfig(busybox, { command: ["/bin/pause"] });
  const createIt = async (order: readonly string[]) => {
    const log = join(bed.engine.directory, `termination-log-${uniqueNumber()}`);
    writeFileSync(log, "");
    const config = create(ContainerConfigSchema, {
      ...container,
      labels: mapOf(order),
      annotations: { ...mapOf(order), "io.kubernetes.container.terminationMessagePath": "/dev/termination-log" },
      envs: order.map((key) => ({ key, value: new TextEncoder().encode(key) })),
      mounts: [
        { containerPath: "/image", image: { image: busybox }, readonly: true },
        { containerPath: "/dev/termination-log", hostPath: log },
      ],
    });
    return (await bed.cri.runtime.createContainer({ podSandboxId: id, config })).containerId;
  };
  const containerId = await createIt(keys);
  expect(await createIt(shuffled)).toBe(containerId);
  for (const again of [bed.engine.restart, kill9AndStart]) {
    await again();
    expect([await ask(shuffled), await createIt(shuffled)]).toEqual([id, containerId]);
    expect([await ask(keys), await createIt(keys)]).toEqual([id, containerId]);
  }
  expect(await codeOf(ask(["b", "a"]))).toBe("AlreadyExists");
  expect(await codeOf(createIt(["b", "a"]))).toBe("AlreadyExists");
});

async function kill9AndStart(): Promise<void> {
  await bed.engine.kill9();
  await bed.engine.start();
}
