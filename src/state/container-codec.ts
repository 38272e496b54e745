import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ContainerConfigSchema } from "../gen/runtime/v1/api_pb.ts";
import type { ContainerId } from "../ids/object-id.ts";
import { parseWithBigints, stringifyWithBigints } from "./json-bigint.ts";
import type { RecordCodec } from "./record-store.ts";
import type { ContainerRecord } from "./records.ts";

/** Rows of `containers`: the document is the CRI config in protobuf, the body everything else. */
export const containerCodec: RecordCodec<ContainerId, ContainerRecord> = {
  table: "containers",
  version: 1,
  id: (record) => record.id,
  group: (record) => record.sandboxId,
  encodeDocument: (record) => toBinary(ContainerConfigSchema, record.config),
  encodeBody: ({ id: _id, config: _config, ...body }) => stringifyWithBigints(body),
  decode: (id, document, body) => ({
    ...(parseWithBigints(body) as Omit<ContainerRecord, "id" | "config">),
    id,
    config: fromBinary(ContainerConfigSchema, document),
  }),
};
