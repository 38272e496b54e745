import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";

/**
 * A CRI message in the canonical protobuf JSON mapping (camelCase names, 64-bit integers as strings, enums by name),
 * the same `crictl -o json` prints. Fields at their default are written out: a script should not have to guess.
 */
export function protoJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): unknown {
  return toJson(schema, message, { alwaysEmitImplicit: true });
}
