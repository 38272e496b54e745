import { expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  BootstrapParamsSchema,
  BootstrapResultSchema,
} from "../../gen/containerd/runtime/bootstrap/v1/bootstrap_pb.ts";
import { newSandboxId } from "../../ids/object-id.ts";
import { bootstrapInput, parseBootstrap } from "./bootstrap.ts";

const socket = "/run/containerd/s/0123";
const address = `unix://${socket}`;
const text = (words: string) => new TextEncoder().encode(words);
const message = (version: number, protocol: string, at = address) =>
  toBinary(BootstrapResultSchema, create(BootstrapResultSchema, { version, protocol, address: at }));

test.each([
  ["a message, of containerd 2.3 and later", message(3, "ttrpc"), { version: 3, socket }],
  ["JSON, of 2.0", text(JSON.stringify({ version: 3, address, protocol: "ttrpc" })), { version: 3, socket }],
  ["JSON of a shim of the second version", text(JSON.stringify({ version: 2, address })), { version: 2, socket }],
  ["an address, of 1.x", text(`${address}\n`), { version: 2, socket }],
  ["a path", text(socket), { version: 2, socket }],
  [
    "an abstract socket, of 1.3",
    text("unix://\0/containerd-shim/x.sock"),
    { version: 2, socket: "@/containerd-shim/x.sock" },
  ],
])("a shim may answer its start with %s", (_what, output, expected) => {
  expect(parseBootstrap(output)).toEqual(expected as ReturnType<typeof parseBootstrap>);
});

test.each([
  ["another protocol", message(3, "grpc"), /serves "grpc"/],
  ["a version to come", message(4, "ttrpc"), /version 4/],
  ["no unix socket", message(3, "ttrpc", "vsock://3:1024"), /no unix socket/],
  ["words", text("panic: oh no"), /which is no address|serves/],
  ["nothing", text(""), /serves|no address/],
  ["JSON of something else", text('{"a":1}'), /which is no address|serves/],
])("%s is refused in words", (_what, output, words) => {
  expect(() => parseBootstrap(output)).toThrow(words);
});

test("what a shim reads names the pod, so that it is not taken for older options", () => {
  const id = newSandboxId();
  const eventsAddress = "/run/crib/shim-events.sock";
  const input = bootstrapInput({
    id,
    namespace: "k8s.io",
    eventsAddress,
    socketDirectory: "/run/crib/s",
    options: undefined,
  });
  expect(fromBinary(BootstrapParamsSchema, input)).toMatchObject({
    instanceId: id,
    namespace: "k8s.io",
    containerdTtrpcAddress: eventsAddress,
    socketDir: "/run/crib/s",
    extensions: [],
  });
});
