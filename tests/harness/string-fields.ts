import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { assertNever } from "../../src/errors/assert-never.ts";

/** One place in a request where a client can put text. */
export interface StringField {
  /** "config.metadata.name", "config.labels{key}". */
  readonly path: string;
  /** The field's proto name: what an error message must mention. */
  readonly name: string;
  /** A copy of `request` with `value` put there; messages, lists and maps on the way are made. */
  place(request: object, value: string): object;
}

type Place = (request: object, value: string) => object;

/** Every string of a message and of the messages in it. A message inside itself is not followed again. */
export function stringFields(descriptor: DescMessage, seen: readonly DescMessage[] = []): readonly StringField[] {
  if (seen.includes(descriptor)) return [];
  const within = [...seen, descriptor];
  return descriptor.fields.flatMap((field): readonly StringField[] => {
    const put =
      (wrap: (value: unknown, old: unknown) => unknown) =>
      (inner: Place): Place =>
      (request, value) => {
        const old: unknown = Reflect.get(request, field.localName);
        return {
          ...request,
          [field.localName]: wrap(inner(typeof old === "object" && old !== null ? old : {}, value), old),
        };
      };
    const leaf = (suffix: string, wrap: (value: string) => unknown): StringField => ({
      path: field.name + suffix,
      name: field.name,
      place: (request, value) => ({ ...request, [field.localName]: wrap(value) }),
    });
    const nested = (message: DescMessage, suffix: string, wrap: (value: unknown) => unknown): readonly StringField[] =>
      stringFields(message, within).map((inner) => ({
        path: `${field.name}${suffix}.${inner.path}`,
        name: inner.name,
        place: put(wrap)(inner.place),
      }));
    switch (field.fieldKind) {
      case "scalar":
        return field.scalar === ScalarType.STRING ? [leaf("", (value) => value)] : [];
      case "enum":
        return [];
      case "message":
        return nested(field.message, "", (value) => value);
      case "list":
        if (field.listKind === "message") return nested(field.message, "[0]", (value) => [value]);
        return field.listKind === "scalar" && field.scalar === ScalarType.STRING
          ? [leaf("[0]", (value) => [value])]
          : [];
      case "map":
        if (field.mapKind !== "scalar" || field.scalar !== ScalarType.STRING) return [];
        return [leaf("{key}", (value) => ({ [value]: "x" })), leaf("{value}", (value) => ({ key: value }))];
      default:
        return assertNever(field, "field kind");
    }
  });
}
