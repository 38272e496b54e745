import { dataLoss } from "../errors/crib-error.ts";
import type { SandboxId } from "../ids/object-id.ts";
import { deepFrozen } from "../spec/deep-frozen.ts";
import type { PodSpec } from "../spec/pod-spec.ts";
import { parseWithBigints, stringifyWithBigints } from "./json-bigint.ts";
import type { OlderSpecs } from "./older-specs.ts";
import type { RecordCodec } from "./record-codec.ts";
import type { SandboxRecord } from "./records.ts";

/** What a JSON object begins with. A message of version 1 begins with the tag of its first field, 0x0a. */
const brace = 0x7b;

/**
 * Rows of `sandboxes`: the document is the pod's spec in JSON, the body everything else.
 *
 * In version 1 the document is the CRI's config in protobuf. A change of state writes the body alone, so that a body of version 2
 * may stand beside a document of version 1: the document says itself which it is.
 */
export function sandboxCodec(older: Pick<OlderSpecs, "readPod">): RecordCodec<SandboxId, SandboxRecord> {
  return {
    table: "sandboxes",
    version: 2,
    id: (record) => record.id,
    group: (record) => record.id,
    encodeDocument: (record) => Buffer.from(stringifyWithBigints(record.config)),
    encodeBody: ({ id: _id, config: _config, ...body }) => stringifyWithBigints(body),
    decode: (id, document, body) => ({
      ...(parseWithBigints(body) as Omit<SandboxRecord, "id" | "config">),
      id,
      config: decodeSpec(id, document, older),
    }),
  };
}

function decodeSpec(id: SandboxId, document: Uint8Array, older: Pick<OlderSpecs, "readPod">): PodSpec {
  if (document.byteLength === 0) throw dataLoss(`the document of sandbox ${id} is empty`);
  if (document[0] !== brace) return older.readPod(document);
  return deepFrozen(parseWithBigints(new TextDecoder().decode(document)) as PodSpec);
}
