import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { toJson } from "@bufbuild/protobuf";
import type { ImageLayer } from "../../images/port.ts";

/** A message as JSON with the API's own field names, as crictl users know them. */
export function messageJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): unknown {
  return toJson(schema, message, { useProtoFieldName: true });
}

/** Layers from the bottom up, as an image's config has its `diff_ids`. */
export function layersInfo(layers: readonly ImageLayer[]): readonly Readonly<Record<string, unknown>>[] {
  return layers.map(({ chainId, diffId, ...rest }) => ({ chainID: chainId, diffID: diffId, ...rest }));
}

/** The `info` map of a verbose reply: one key with a JSON document, which crictl unfolds. int64 become strings. */
export function verboseInfo(document: Readonly<Record<string, unknown>>): { info: string } {
  return {
    info: JSON.stringify(document, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value)),
  };
}
