import type { DescField, DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A message in wire format behind its length: one element of a repeated field, without the field's tag. */
export type EncodedElement = Uint8Array;

export function encodeElement<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): EncodedElement {
  return new BinaryWriter().bytes(toBinary(schema, message)).finish();
}

/**
 * A reply whose one repeated field is made of elements encoded before.
 *
 * Encoding a thousand containers takes longer than any other RPC may wait, and most of a list is the same as last time. The
 * library appends `$unknown` to a message as it is: the bytes are those it would have made itself.
 */
export function encodedList<Desc extends DescMessage>(
  schema: Desc,
  field: Pick<DescField, "number">,
  elements: readonly EncodedElement[],
): MessageShape<Desc> {
  const message = create(schema);
  const tag = new BinaryWriter().tag(field.number, WireType.LengthDelimited).finish();
  const bytes = joined(tag, elements);
  // The library writes the first element's tag itself.
  const data = bytes.subarray(tag.length);
  if (elements.length > 0) message.$unknown = [{ no: field.number, wireType: WireType.LengthDelimited, data }];
  return knownEncoding(message, [bytes]);
}

/** A field of type bytes, as pieces of a message's encoding; none when it is empty. */
export function encodedBytes(field: Pick<DescField, "number">, value: Uint8Array): readonly Uint8Array[] {
  if (value.byteLength === 0) return [];
  return [new BinaryWriter().tag(field.number, WireType.LengthDelimited).uint32(value.byteLength).finish(), value];
}

/** `message`, with the wire format it is known to have. */
export function knownEncoding<Shape extends Message>(message: Shape, pieces: readonly Uint8Array[]): Shape {
  encodings.set(message, pieces);
  return message;
}

const encodings = new WeakMap<Message, readonly Uint8Array[]>();

/** All of a message in wire format, in pieces, where it was known when it was made: the library's encoder copies it twice. */
export function encodingOf(message: Message): readonly Uint8Array[] | undefined {
  return encodings.get(message);
}

/** Each element behind the tag. One copy, not a thousand. */
function joined(tag: Uint8Array, elements: readonly EncodedElement[]): Uint8Array {
  const bytes = elements.reduce((sum, { length }) => sum + tag.length + length, 0);
  const data = new Uint8Array(bytes);
  let at = 0;
  for (const element of elements) {
    data.set(tag, at);
    data.set(element, at + tag.length);
    at += tag.length + element.length;
  }
  return data;
}
