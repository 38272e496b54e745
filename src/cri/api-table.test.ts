import { describe, expect, test } from "bun:test";
import type { DescEnum, DescField, DescMessage, DescService } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import older from "../../tests/fixtures/cri-v1.json";
import table from "../../tests/fixtures/cri-v1-0.38.json";
import { file_runtime_v1_api } from "../gen/runtime/v1/api_pb.ts";

/** The generated descriptors are the protocol: every service, message, field, number, type and enum value of the table. */

function typeOf(field: DescField): string {
  const scalar = (type: ScalarType) => (ScalarType[type] ?? "?").toLowerCase();
  switch (field.fieldKind) {
    case "scalar":
      return scalar(field.scalar);
    case "enum":
      return field.enum.name;
    case "message":
      return field.message.name;
    case "list":
      return `repeated ${field.listKind === "scalar" ? scalar(field.scalar) : field.listKind === "enum" ? field.enum.name : field.message.name}`;
    case "map": {
      const value =
        field.mapKind === "scalar"
          ? scalar(field.scalar)
          : field.mapKind === "enum"
            ? field.enum.name
            : field.message.name;
      return `map<${scalar(field.mapKey)}, ${value}>`;
    }
  }
}

const fieldRow = (field: DescField) => [
  field.number,
  field.name,
  typeOf(field),
  ...(field.deprecated ? ["deprecated"] : []),
];
const enumRow = (descriptor: DescEnum) =>
  Object.fromEntries(descriptor.values.map(({ name, number }) => [name, number]));
const byNumber = (a: readonly unknown[], b: readonly unknown[]) => Number(a[0]) - Number(b[0]);

function messageRow(descriptor: DescMessage) {
  const enums = Object.fromEntries(descriptor.nestedEnums.map((nested) => [nested.name, enumRow(nested)]));
  return {
    fields: descriptor.fields.map(fieldRow).sort(byNumber),
    ...(descriptor.nestedEnums.length === 0 ? {} : { enums }),
  };
}

const serviceRow = (descriptor: DescService) =>
  descriptor.methods.map((method) => ({
    rpc: method.name,
    request: method.input.name,
    response: method.output.name,
    server_streaming: method.methodKind === "server_streaming",
  }));

describe("the generated CRI equals the table", () => {
  const file = file_runtime_v1_api;

  test("package and syntax", () => {
    expect([file.proto.package, file.proto.syntax]).toEqual([table.package, table.syntax]);
  });

  test("46 RPCs in two services, in order", () => {
    expect(Object.fromEntries(file.services.map((service) => [service.name, serviceRow(service)]))).toEqual(
      table.services,
    );
    expect(file.services.flatMap(({ methods }) => methods)).toHaveLength(46);
  });

  test("12 enums with their values", () => {
    expect(Object.fromEntries(file.enums.map((descriptor) => [descriptor.name, enumRow(descriptor)]))).toEqual(
      table.enums,
    );
    expect(file.enums).toHaveLength(12);
  });

  test("185 messages with fields, numbers, types, labels and deprecations", () => {
    const messages = Object.entries(table.messages).map(([name, row]) => [
      name,
      { ...row, fields: [...row.fields].sort(byNumber) },
    ]);
    expect(Object.fromEntries(file.messages.map((message) => [message.name, messageRow(message)]))).toEqual(
      Object.fromEntries(messages),
    );
    expect(file.messages).toHaveLength(185);
  });
});

/** What `of` has that `within` has not, or has otherwise: paths into the table. Lists of rows are compared as sets. */
function missing(of: unknown, within: unknown, path = ""): readonly string[] {
  if (Array.isArray(of)) {
    const rows = new Set((Array.isArray(within) ? within : []).map((row) => JSON.stringify(row)));
    return of.map((row) => JSON.stringify(row)).flatMap((row) => (rows.has(row) ? [] : [`${path} ${row}`]));
  }
  if (typeof of === "object" && of !== null) {
    const other = (typeof within === "object" ? within : undefined) ?? {};
    return Object.entries(of).flatMap(([key, value]) => missing(value, Reflect.get(other, key), `${path}.${key}`));
  }
  return of === within ? [] : [path];
}

describe("0.37, as older kubelets speak it, is a part of it", () => {
  test.each(["services", "enums", "messages"] as const)("%s", (part) => {
    expect(Object.keys(older[part]).length).toBeGreaterThan(1);
    expect(missing(older[part], table[part])).toEqual([]);
  });

  test("and not all of it", () => {
    expect(missing(table.services, older.services)).toHaveLength(3);
    expect(missing({ a: 1, b: [[2]] }, { a: 2, b: [[3]] })).toEqual([".a", ".b [2]"]);
  });
});
