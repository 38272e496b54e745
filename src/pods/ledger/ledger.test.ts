import { Database } from "bun:sqlite";
import { beforeEach, expect, test } from "bun:test";
import { fakeContainer, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { olderSpecs } from "../../cri/spec/older-specs.ts";
import { containerCodec } from "../../state/container-codec.ts";
import { RecordStore } from "../../state/record-store.ts";
import { sandboxCodec } from "../../state/sandbox-codec.ts";
import { Ledger } from "./ledger.ts";

const sandbox = fakeSandbox();
const container = fakeContainer(sandbox, { state: "created" });
let ledger: Ledger;
let containers: RecordStore<typeof container.id, typeof container>;
let events: string[];

beforeEach(() => {
  const database = new Database(":memory:", { strict: true });
  const sandboxes = new RecordStore(database, sandboxCodec(olderSpecs));
  containers = new RecordStore(database, containerCodec(olderSpecs));
  events = [];
  ledger = new Ledger(sandboxes, containers, {
    publish: (type, id) =>
      events.push(`CONTAINER_${type.toUpperCase()}_EVENT ${id === sandbox.id ? "pod" : "container"}`),
  });
  ledger.addSandbox(sandbox, { durable: false });
  ledger.addContainer(container);
  events.length = 0;
});

test("Ledger persists, publishes and tells each move", () => {
  ledger.moveContainer(container.id, "running", { process: { pid: 7 as never, startTime: 1n } });
  ledger.moveContainer(container.id, "exited", { exitCode: 3 });
  ledger.moveContainer(container.id, "removing");
  expect(containers.get(container.id)).toMatchObject({ state: "removing", exitCode: 3, process: { pid: 7 } });
  ledger.dropContainer(container.id);
  expect(events).toEqual([
    "CONTAINER_STARTED_EVENT container",
    "CONTAINER_STOPPED_EVENT container",
    "CONTAINER_DELETED_EVENT container",
  ]);
});

test("Ledger lets nothing that is being removed run, change or come back", () => {
  ledger.moveContainer(container.id, "removing");
  expect(() => ledger.moveContainer(container.id, "running")).toThrow("it cannot become running");
  expect(() => ledger.amendContainer(container.id, { exitCode: 1 })).toThrow("is being removed");
  ledger.dropContainer(container.id);
  expect(() => ledger.moveContainer(container.id, "exited")).toThrow("not found");
  expect(() => ledger.amendContainer(container.id, { exitCode: 1 })).toThrow("not found");
  expect(containers.get(container.id)).toBeUndefined();
  ledger.dropContainer(container.id);
});

test("Ledger starts and makes nothing in a pod that has ended", () => {
  ledger.moveSandbox(sandbox.id, "notready");
  expect(() => ledger.moveContainer(container.id, "running")).toThrow("is not ready");
  expect(() => ledger.addContainer(fakeContainer(sandbox, { state: "created" }))).toThrow("is not ready");
  expect(() => ledger.moveSandbox(sandbox.id, "ready")).toThrow("it cannot become ready");
});

test("Ledger forgets no pod that is ready or has containers, and no container that was not marked", () => {
  expect(() => ledger.dropSandbox(sandbox.id)).toThrow("is ready");
  ledger.moveSandbox(sandbox.id, "notready");
  expect(() => ledger.dropSandbox(sandbox.id)).toThrow("still has 1 containers");
  expect(() => ledger.dropContainer(container.id)).toThrow("not being removed");
  ledger.moveContainer(container.id, "removing");
  ledger.dropContainer(container.id);
  ledger.dropSandbox(sandbox.id);
  ledger.dropSandbox(sandbox.id);
  expect(() => ledger.amendSandbox(sandbox.id, { networkReleased: true })).toThrow("not found");
});

test("Ledger changes what is in force, not what the caller once read", () => {
  const read = containers.get(container.id);
  ledger.moveContainer(container.id, "running", { process: { pid: 7 as never, startTime: 1n } });
  ledger.amendContainer(container.id, { stop: { deadlineUptimeMs: 5, signalled: false } });
  expect(read?.state).toBe("created");
  expect(containers.get(container.id)).toMatchObject({ state: "running", stop: { deadlineUptimeMs: 5 } });
});
