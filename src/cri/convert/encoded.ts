import type { DescField, DescMessage, MessageShape } from "@bufbuild/protobuf";
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
  if (elements.length > 0)
    message.$unknown = [{ no: field.number, wireType: WireType.LengthDelimited, data: joined(field, elements) }];
  return message;
}

/** All elements as one: each but the first behind its tag, which the library writes for the first. One copy, not a thousand. */
function joined(field: Pick<DescField, "number">, elements: readonly EncodedElement[]): Uint8Array {
  const tag = new BinaryWriter().tag(field.number, WireType.LengthDelimited).finish();
  const bytes = elements.reduce((sum, { length }) => sum + tag.length + length, -tag.length);
  const data = new Uint8Array(bytes);
  let at = 0;
  for (const element of elements) {
    if (at > 0) {
      data.set(tag, at);
      at += tag.length;
    }
    data.set(element, at);
    at += element.length;
  }
  return data;
}
