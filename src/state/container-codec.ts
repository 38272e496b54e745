import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { dataLoss } from "../errors/crib-error.ts";
import { ContainerConfigSchema } from "../gen/runtime/v1/api_pb.ts";
import type { ContainerId } from "../ids/object-id.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { parseWithBigints, stringifyWithBigints } from "./json-bigint.ts";
import type { RecordCodec } from "./record-codec.ts";
import type { ContainerRecord } from "./records.ts";

const lengthBytes = 4;

/**
 * Rows of `containers`: the document is the CRI config in protobuf, preceded by its length, and the spec in JSON, the body
 * everything else. A spec with its seccomp profile is some 10 KiB; the body, written at every transition, is not.
 */
export const containerCodec: RecordCodec<ContainerId, ContainerRecord> = {
  table: "containers",
  version: 1,
  id: (record) => record.id,
  group: (record) => record.sandboxId,
  encodeDocument(record) {
    const config = toBinary(ContainerConfigSchema, record.config);
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt32LE(config.byteLength);
    return Buffer.concat([length, config, Buffer.from(JSON.stringify(record.spec))]);
  },
  encodeBody: ({ id: _id, config: _config, spec: _spec, ...body }) => stringifyWithBigints(body),
  decode(id, document, body) {
    const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength);
    if (bytes.byteLength < lengthBytes) throw dataLoss(`the document of container ${id} is cut short`);
    const end = lengthBytes + bytes.readUInt32LE(0);
    return {
      ...(parseWithBigints(body) as Omit<ContainerRecord, "id" | "config" | "spec">),
      id,
      config: fromBinary(ContainerConfigSchema, bytes.subarray(lengthBytes, end)),
      spec: JSON.parse(bytes.toString("utf8", end)) as RuntimeSpec,
    };
  },
};
