import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { silentLog } from "../../../tests/fixtures/silent-log.ts";
import { TaskOOMSchema } from "../../gen/containerd/events/v1/task_pb.ts";
import { Events } from "../../gen/containerd/services/events/ttrpc/v1/events_pb.ts";
import { parseHostPath } from "../../ids/path.ts";
import { createSystemClock } from "../../observe/system-clock.ts";
import { TtrpcClient } from "../../ttrpc/ttrpc-client.ts";
import { ShimEvents } from "./shim-events.ts";
import { socketDuplex } from "./socket-duplex.ts";

const directory = mkdtempSync(join(tmpdir(), "crib-events-"));
afterAll(() => rmSync(directory, { recursive: true }));

test("a shim's word that a container was short of memory is kept until it is asked for, once", async () => {
  // Of a daemon that was killed.
  writeFileSync(join(directory, "shim-events.sock"), "");
  using events = new ShimEvents(parseHostPath(directory), silentLog);
  await events.listen();
  await events.listen();
  const socket = connect({ path: events.address });
  const client = new TtrpcClient(socketDuplex(socket), createSystemClock(), "events", () => undefined);
  const value = toBinary(TaskOOMSchema, create(TaskOOMSchema, { containerId: "c1" }));
  const forward = (topic: string, bytes: Uint8Array) =>
    client.call(Events.method.forward, { envelope: { topic, event: { typeUrl: "t", value: bytes } } }, 2_000);
  await forward("/tasks/exit", Uint8Array.of(0xff));
  expect(events.takeOutOfMemory("c1")).toBe(false);
  await forward("/tasks/oom", value);
  expect(events.takeOutOfMemory("c1")).toBe(true);
  expect(events.takeOutOfMemory("c1")).toBe(false);
  socket.destroy();
});
