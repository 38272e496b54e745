import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { PodSandboxConfigSchema } from "../gen/runtime/v1/api_pb.ts";
import type { SandboxId } from "../ids/object-id.ts";
import { parseWithBigints, stringifyWithBigints } from "./json-bigint.ts";
import type { RecordCodec } from "./record-codec.ts";
import type { SandboxRecord } from "./records.ts";

/** Rows of `sandboxes`: the document is the CRI config in protobuf, the body everything else. */
export const sandboxCodec: RecordCodec<SandboxId, SandboxRecord> = {
  table: "sandboxes",
  version: 1,
  id: (record) => record.id,
  group: (record) => record.id,
  encodeDocument: (record) => toBinary(PodSandboxConfigSchema, record.config),
  encodeBody: ({ id: _id, config: _config, ...body }) => stringifyWithBigints(body),
  decode: (id, document, body) => ({
    ...(parseWithBigints(body) as Omit<SandboxRecord, "id" | "config">),
    id,
    config: fromBinary(PodSandboxConfigSchema, document),
  }),
};
