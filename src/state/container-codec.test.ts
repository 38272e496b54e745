import { expect, test } from "bun:test";
import { containerSpec } from "../../tests/fixtures/specs.ts";
import { olderSpecs } from "../cri/spec/older-specs.ts";
import type { ContainerId } from "../ids/object-id.ts";
import { containerCodec } from "./container-codec.ts";
import type { ContainerRecord } from "./records.ts";

const codec = containerCodec(olderSpecs);
const id = "a".repeat(64) as ContainerId;
const record = {
  id,
  sandboxId: "b".repeat(64),
  state: "running",
  config: containerSpec({ metadata: { name: "c" }, labels: { ü: "x" } }),
  spec: { ociVersion: "1.2.0", hostname: "hé" },
  startedAtNs: 1_790_000_000_123_456_789n,
} as unknown as ContainerRecord;

test("containerCodec gives back what it was given", () => {
  const decoded = codec.decode(id, codec.encodeDocument(record), codec.encodeBody(record));
  expect(decoded).toEqual(record);
});

test("containerCodec keeps the spec out of the body that every transition writes", () => {
  expect(codec.encodeBody(record)).not.toContain("ociVersion");
});

test("containerCodec refuses a document that is cut short", () => {
  expect(() => codec.decode(id, new Uint8Array(2), "{}")).toThrow("cut short");
});
