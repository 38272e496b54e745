import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import rows from "../../tests/fixtures/records-v1.json";
import { silentLog } from "../../tests/fixtures/silent-log.ts";
import { toContainerSpec } from "../cri/spec/container-spec.ts";
import { olderSpecs } from "../cri/spec/older-specs.ts";
import { toPodSpec } from "../cri/spec/pod-spec.ts";
import { ContainerConfigSchema, PodSandboxConfigSchema } from "../gen/runtime/v1/api_pb.ts";
import type { ContainerId, SandboxId } from "../ids/object-id.ts";
import { containerFingerprint, sandboxFingerprint } from "../pods/ledger/fingerprint.ts";
import { containerCodec } from "./container-codec.ts";
import { RecordStore } from "./record-store.ts";
import { sandboxCodec } from "./sandbox-codec.ts";

/** `records-v1.json` was written by the code of version 1, whose documents hold the CRI's messages. */

interface Row {
  readonly id: string;
  readonly version: number;
  readonly document: string;
  readonly body: string;
}

const sandboxes = sandboxCodec(olderSpecs);
const containers = containerCodec(olderSpecs);
const documentOf = ({ document }: Row) => new Uint8Array(Buffer.from(document, "base64"));

/** The message that a retry sends. */
const podMessage = (row: Row) => fromBinary(PodSandboxConfigSchema, documentOf(row));
function containerMessage(row: Row) {
  const bytes = documentOf(row);
  return fromBinary(ContainerConfigSchema, bytes.subarray(4, 4 + new DataView(bytes.buffer).getUint32(0, true)));
}

function insert(database: Database, table: string, row: Row): void {
  database.run(`INSERT INTO ${table} (id, version, document, body) VALUES (?, ?, ?, ?)`, [
    row.id,
    row.version,
    documentOf(row),
    row.body,
  ]);
}

describe("a pod of version 1", () => {
  test.each(rows.sandboxes)("$id is read, and the retry of its request is the same", (row) => {
    const record = sandboxes.decode(row.id as SandboxId, documentOf(row), row.body);
    const asked = toPodSpec(podMessage(row));
    expect(record.config).toEqual(asked);
    const again = sandboxes.decode(record.id, sandboxes.encodeDocument(record), sandboxes.encodeBody(record));
    expect(again).toEqual(record);
    expect([record, again].map(({ config }) => sandboxFingerprint(config, "crib"))).toEqual([
      sandboxFingerprint(asked, "crib"),
      sandboxFingerprint(asked, "crib"),
    ]);
  });
});

describe("a container of version 1", () => {
  test.each(rows.containers)("$id is read, and the retry of its request is the same", (row) => {
    const record = containers.decode(row.id as ContainerId, documentOf(row), row.body);
    const asked = toContainerSpec(containerMessage(row));
    expect(record.config).toEqual(asked);
    expect(record.spec.ociVersion).toBe("1.2.0");
    const again = containers.decode(record.id, containers.encodeDocument(record), containers.encodeBody(record));
    expect(again).toEqual(record);
    expect([record, again].map(({ config }) => containerFingerprint(config))).toEqual([
      containerFingerprint(asked),
      containerFingerprint(asked),
    ]);
  });

  test("keeps what it says to the letter", () => {
    const [row] = rows.containers as [Row];
    const { config } = containers.decode(row.id as ContainerId, documentOf(row), row.body);
    expect(config.envs).toEqual([
      { key: "B", value: "a\udcff\u00e9" },
      { key: "A", value: "" },
    ]);
    expect(config.mounts.map(({ hostPath, image }) => hostPath ?? image?.image) as string[]).toEqual([
      "/srv//data/.",
      "/srv/ro",
      "model:1",
    ]);
    expect(config.stopSignal).toBe(35);
  });
});

describe("a row whose state has changed since the upgrade", () => {
  test("has a body of version 2 beside a document of version 1, and is read", () => {
    const database = new Database(":memory:", { strict: true });
    const first = new RecordStore(database, containers);
    const [row] = rows.containers as [Row];
    insert(database, "containers", row);
    first.load(silentLog);
    const record = first.all()[0];
    if (record === undefined) throw new Error("the record of version 1 was not read");
    first.put({ ...record, state: "removing" }, { durable: true });
    expect(database.query("SELECT version FROM containers").get()).toEqual({ version: 2 });
    const second = new RecordStore(database, containers);
    second.load(silentLog);
    expect(second.all()).toEqual([{ ...record, state: "removing" }]);
  });

  test("is written whole when its document changes", () => {
    const database = new Database(":memory:", { strict: true });
    const first = new RecordStore(database, sandboxes);
    const [row] = rows.sandboxes as [Row];
    insert(database, "sandboxes", row);
    first.load(silentLog);
    const record = first.all()[0];
    if (record === undefined) throw new Error("the record of version 1 was not read");
    first.put(record, { durable: true, document: true });
    const { document } = database.query("SELECT document FROM sandboxes").get() as { readonly document: Uint8Array };
    expect(JSON.parse(new TextDecoder().decode(document)).metadata.name).toBe("web");
    const second = new RecordStore(database, sandboxes);
    second.load(silentLog);
    expect(second.all()).toEqual([record]);
  });
});

test.each([
  ["an empty document of a pod", () => sandboxes.decode("p" as SandboxId, new Uint8Array(), "{}"), "is empty"],
  ["a pod's JSON that is cut short", () => sandboxes.decode("p" as SandboxId, Buffer.from('{"metadata":{'), "{}"), ""],
  [
    "a container's second line is gone",
    () => containers.decode("c" as ContainerId, Buffer.from('{"a":1}'), "{}"),
    "cut",
  ],
  [
    "a length that nothing follows",
    () => containers.decode("c" as ContainerId, Buffer.from([9, 0, 0, 0]), "{}"),
    "cut",
  ],
] as const)("%s is damage, told as such", (_what, decode, message) => {
  expect(decode).toThrow(message);
});
