import { afterEach, beforeEach, expect, test } from "bun:test";
import { toBinary } from "@bufbuild/protobuf";
import { FakeMachine } from "../../../tests/fixtures/fake-machine.ts";
import { type KeptRecord, rewriteRecords } from "../../../tests/fixtures/rewrite-records.ts";
import { fromContainerSpec } from "../../cri/spec/container-spec.ts";
import { fromPodSpec } from "../../cri/spec/pod-spec.ts";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { ContainerId, SandboxId } from "../../ids/object-id.ts";
import type { ContainerSpec } from "../../spec/container-spec.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";

/** Pods run on while crib is replaced: by a newer version, and back by an older one. */

let machine: FakeMachine;
let pod: SandboxId;
let container: ContainerId;

beforeEach(async () => {
  machine = new FakeMachine();
  await machine.start();
  pod = await machine.runPod();
  container = await machine.runContainer(pod);
});
afterEach(() => machine[Symbol.dispose]());

const linesOf = ({ document }: KeptRecord) => new TextDecoder().decode(document).split("\n") as [string, string];

/** As crib wrote them when records held the messages of the API. */
function toVersion1(): void {
  rewriteRecords(machine, "sandbox", (kept) => {
    const spec = JSON.parse(linesOf(kept)[0]) as PodSpec;
    return { version: 1, document: toBinary(PodSandboxConfigSchema, fromPodSpec(spec)) };
  });
  rewriteRecords(machine, "container", (kept) => {
    const [spec, runtimeSpec] = linesOf(kept);
    const message = toBinary(ContainerConfigSchema, fromContainerSpec(JSON.parse(spec) as ContainerSpec));
    const length = new DataView(new ArrayBuffer(4));
    length.setUint32(0, message.byteLength, true);
    return { version: 1, document: Buffer.concat([Buffer.from(length.buffer), message, Buffer.from(runtimeSpec)]) };
  });
}

test("a pod of version 1 runs on, answers retries of its requests, and ends as any other", async () => {
  const before = [machine.pods.sandbox(pod), machine.pods.container(container)];
  toVersion1();
  await machine.start();
  expect([machine.pods.sandbox(pod), machine.pods.container(container)]).toEqual(before as never);
  expect(await machine.runPod()).toBe(pod);
  expect(await machine.createContainer(pod)).toBe(container);
  machine.monitor(pod).exit(container, 3);
  await machine.until("the exit is seen", () => machine.pods.container(container).state === "exited");
  // The body of that state is of version 2 beside a document of version 1.
  await machine.start();
  expect(machine.pods.container(container)).toMatchObject({ state: "exited", exitCode: 3, config: before[1]?.config });
  await machine.settle(machine.pods.stopSandbox(pod));
  await machine.settle(machine.pods.removeSandbox(pod));
  expect(machine.leftovers()).toEqual([]);
});

test("a container whose record this crib cannot read was killed when the daemon started", async () => {
  rewriteRecords(machine, "container", (kept) => ({ ...kept, version: 99 }));
  await machine.start();
  expect(machine.pods.containers()).toEqual([]);
  expect(machine.monitor(pod).containers.get(container)?.exit).toBeUndefined();
  rewriteRecords(machine, "container", (kept) => ({ ...kept, version: 2 }));
  await machine.start();
  expect(machine.pods.container(container)).toMatchObject({ id: container, state: "running" });
});
