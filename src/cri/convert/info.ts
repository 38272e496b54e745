import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { toJson } from "@bufbuild/protobuf";

/** A message as JSON with the API's own field names, as crictl users know them. */
export function messageJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): unknown {
  return toJson(schema, message, { useProtoFieldName: true });
}

/** The `info` map of a verbose reply: one key with a JSON document, which crictl unfolds. int64 become strings. */
export function verboseInfo(document: Readonly<Record<string, unknown>>): { info: string } {
  return {
    info: JSON.stringify(document, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value)),
  };
}
