import { describe, expect, test } from "bun:test";
import type { DescEnum, DescField, DescMessage, DescService } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import table from "../../tests/fixtures/cri-v1.json";
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

  test("43 RPCs in two services, in order", () => {
    expect(Object.fromEntries(file.services.map((service) => [service.name, serviceRow(service)]))).toEqual(
      table.services,
    );
    expect(file.services.flatMap(({ methods }) => methods)).toHaveLength(43);
  });

  test("10 enums with their values", () => {
    expect(Object.fromEntries(file.enums.map((descriptor) => [descriptor.name, enumRow(descriptor)]))).toEqual(
      table.enums,
    );
    expect(file.enums).toHaveLength(10);
  });

  test("175 messages with fields, numbers, types, labels and deprecations", () => {
    const messages = Object.entries(table.messages).map(([name, row]) => [
      name,
      { ...row, fields: [...row.fields].sort(byNumber) },
    ]);
    expect(Object.fromEntries(file.messages.map((message) => [message.name, messageRow(message)]))).toEqual(
      Object.fromEntries(messages),
    );
    expect(file.messages).toHaveLength(175);
  });
});
