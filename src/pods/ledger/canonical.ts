import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";

/** A message as nested arrays that are equal for equal messages, for JSON. */
export type Canonical = string | number | boolean | readonly Canonical[];

/** A field whose difference does not make another message of it; the path has no list indexes: `mounts.image.image_ref`. */
export type Ignored = (path: string, message: Message) => boolean;

/**
 * What a message says, whatever order it came in: wire format leaves the order of a map's entries open, and Go makes use of that.
 *
 * Fields that this version does not know are left out: nothing is done about them, so they make no other request.
 */
export function canonicalMessage(
  descriptor: DescMessage,
  message: Message,
  ignored: Ignored,
  prefix = "",
): readonly Canonical[] {
  const fields: Canonical[] = [];
  for (const field of descriptor.fields) {
    const path = `${prefix}${field.name}`;
    if (ignored(path, message)) continue;
    const value = fieldValue(field, message, ignored, path);
    if (value !== undefined) fields.push([field.number, value]);
  }
  return fields;
}

function fieldValue(field: DescField, message: Message, ignored: Ignored, path: string): Canonical | undefined {
  const value: unknown =
    field.oneof === undefined
      ? Reflect.get(message, field.localName)
      : oneofValue(field.oneof.localName, field, message);
  if (value === undefined) return undefined;
  const element = (each: unknown): Canonical =>
    field.message === undefined ? scalar(each) : canonicalMessage(field.message, each as Message, ignored, `${path}.`);
  switch (field.fieldKind) {
    case "list": {
      const list = value as readonly unknown[];
      return list.length === 0 ? undefined : list.map(element);
    }
    case "map": {
      const entries = Object.entries(value as Readonly<Record<string, unknown>>);
      if (entries.length === 0) return undefined;
      return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, element(each)]);
    }
    default:
      return element(value);
  }
}

function oneofValue(oneof: string, field: DescField, message: Message): unknown {
  const chosen = Reflect.get(message, oneof) as { readonly case?: string; readonly value?: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}

function scalar(value: unknown): Canonical {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  return typeof value === "bigint" ? String(value) : (value as string | number | boolean);
}
