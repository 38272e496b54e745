import { dataLoss } from "../errors/crib-error.ts";
import type { ContainerId } from "../ids/object-id.ts";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import type { ContainerSpec } from "../spec/container-spec.ts";
import { deepFrozen } from "../spec/deep-frozen.ts";
import { parseWithBigints, stringifyWithBigints } from "./json-bigint.ts";
import type { OlderSpecs } from "./older-specs.ts";
import type { RecordCodec } from "./record-codec.ts";
import type { ContainerRecord } from "./records.ts";

/** Of version 1: before the message stands its length. */
const lengthBytes = 4;
/** JSON on one line has none. */
const lineFeed = 0x0a;

/**
 * Rows of `containers`: the document is two lines of JSON, the container's spec and the runtime's; the body is everything else.
 * A runtime's spec with its seccomp profile is some 10 KiB; the body, written at every transition, is not.
 *
 * In version 1 the document is the CRI's config in protobuf, preceded by its length, and the runtime's spec in JSON. A change of
 * state writes the body alone, so that a body of version 2 may stand beside a document of version 1: the document says
 * itself which it is.
 */
export function containerCodec(older: Pick<OlderSpecs, "readContainer">): RecordCodec<ContainerId, ContainerRecord> {
  return {
    table: "containers",
    version: 2,
    id: (record) => record.id,
    group: (record) => record.sandboxId,
    encodeDocument: ({ config, spec }) => Buffer.from(`${stringifyWithBigints(config)}\n${JSON.stringify(spec)}`),
    encodeBody: ({ id: _id, config: _config, spec: _spec, ...body }) => stringifyWithBigints(body),
    decode: (id, document, body) => ({
      ...(parseWithBigints(body) as Omit<ContainerRecord, "id" | "config" | "spec">),
      id,
      ...decodeDocument(id, document, older),
    }),
  };
}

function decodeDocument(
  id: ContainerId,
  document: Uint8Array,
  older: Pick<OlderSpecs, "readContainer">,
): Pick<ContainerRecord, "config" | "spec"> {
  const bytes = Buffer.from(document.buffer, document.byteOffset, document.byteLength);
  if (bytes.byteLength < lengthBytes) throw dataLoss(`the document of container ${id} is cut short`);
  const end = lengthBytes + bytes.readUInt32LE(0);
  // The first four letters of a JSON object are a length of over 500 MB: no document has it.
  if (end <= bytes.byteLength) {
    return {
      config: older.readContainer(bytes.subarray(lengthBytes, end)),
      spec: JSON.parse(bytes.toString("utf8", end)) as RuntimeSpec,
    };
  }
  const line = bytes.indexOf(lineFeed);
  if (line < 0) throw dataLoss(`the document of container ${id} is cut short`);
  return {
    config: deepFrozen(parseWithBigints(bytes.toString("utf8", 0, line)) as ContainerSpec),
    spec: JSON.parse(bytes.toString("utf8", line + 1)) as RuntimeSpec,
  };
}
