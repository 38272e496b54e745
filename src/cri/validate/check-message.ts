import type { DescEnum, DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { invalidArgument } from "../../errors/crib-error.ts";
import { maxListEntries, maxMapKeyBytes, stringLimit } from "./limits.ts";

type Check = (value: unknown, path: string) => void;

/** Compiled once a message type: one closure a field that can hold something checkable. */
const compiled = new Map<
  DescMessage,
  readonly { readonly name: string; readonly local: string; readonly check: Check }[]
>();

/**
 * The rules for every field of every request, read off the descriptors: no NUL byte in a string, no string over its
 * limit, no enum number the API does not have, no list or map without end.
 *
 * Invalid UTF-8 never gets here (the decoder refuses it), nor do messages over the size limit.
 *
 * @throws {CribError} invalid-argument naming the field: `config.metadata.name contains a NUL byte`.
 */
export function checkMessage(descriptor: DescMessage, message: Message): void {
  walk(descriptor, message, "");
}

function walk(descriptor: DescMessage, message: object, prefix: string): void {
  for (const { name, local, check } of checksOf(descriptor)) {
    const value: unknown = Reflect.get(message, local);
    if (value !== undefined) check(value, prefix === "" ? name : `${prefix}.${name}`);
  }
}

function checksOf(descriptor: DescMessage) {
  let checks = compiled.get(descriptor);
  if (checks === undefined) {
    checks = descriptor.fields.flatMap((field) => {
      const check = fieldCheck(field);
      return check === undefined ? [] : [{ name: field.name, local: field.localName, check }];
    });
    compiled.set(descriptor, checks);
  }
  return checks;
}

/** Numbers, booleans and bytes: any value is one. */
const unchecked: Check = () => undefined;

function fieldCheck(field: DescField): Check | undefined {
  switch (field.fieldKind) {
    case "scalar":
      return field.scalar === ScalarType.STRING ? stringCheck(field) : undefined;
    case "enum":
      return enumCheck(field.enum);
    case "message":
      return messageCheck(field.message);
    case "list": {
      const entry =
        field.listKind === "message"
          ? messageCheck(field.message)
          : field.listKind === "enum"
            ? enumCheck(field.enum)
            : field.scalar === ScalarType.STRING
              ? stringCheck(field)
              : unchecked;
      return listCheck(entry);
    }
    case "map":
      return mapCheck(
        field.mapKind === "scalar" && field.scalar === ScalarType.STRING ? stringCheck(field) : unchecked,
      );
  }
}

function stringCheck(field: DescField): Check {
  const limit = stringLimit(`${field.parent.name}.${field.name}`);
  return (value, path) => checkString(value as string, path, limit);
}

function enumCheck(descriptor: DescEnum): Check {
  return (value, path) => {
    if (descriptor.value[value as number] === undefined) {
      throw invalidArgument(`${path}: ${String(value)} is not a known ${descriptor.name}`);
    }
  };
}

function messageCheck(descriptor: DescMessage): Check {
  return (value, path) => walk(descriptor, value as object, path);
}

function listCheck(entry: Check): Check {
  return (value, path) => {
    const list = value as readonly unknown[];
    if (list.length > maxListEntries)
      throw invalidArgument(`${path} has ${list.length} entries, the limit is ${maxListEntries}`);
    for (const [index, element] of list.entries()) entry(element, `${path}[${index}]`);
  };
}

function mapCheck(entry: Check): Check {
  return (value, path) => {
    const entries = Object.entries(value as Readonly<Record<string, unknown>>);
    if (entries.length > maxListEntries)
      throw invalidArgument(`${path} has ${entries.length} entries, the limit is ${maxListEntries}`);
    for (const [key, element] of entries) {
      checkString(key, `key of ${path}`, maxMapKeyBytes);
      entry(element, `${path}[${JSON.stringify(key)}]`);
    }
  };
}

function checkString(text: string, path: string, limit: number): void {
  if (text.includes("\0")) throw invalidArgument(`${path} contains a NUL byte`);
  // A UTF-16 unit is at most three bytes of UTF-8: short strings need no counting.
  if (text.length * 3 > limit && Buffer.byteLength(text) > limit) {
    throw invalidArgument(`${path} is ${Buffer.byteLength(text)} bytes long, the limit is ${limit}`);
  }
}
