import { describe, expect, test } from "bun:test";
import { CribError } from "../errors/crib-error.ts";
import { digestedDocument, parseForeignJson, plainDocument } from "./foreign-json.ts";
import { foreignField, parseForeignObject } from "./foreign-object.ts";

const read = (text: string) => parseForeignObject(text, "answer of x", plainDocument);
const strict = (text: string) => parseForeignObject(text, "document x", digestedDocument);

describe("fields are read as Go reads them", () => {
  test("a name matches in any case, its exact spelling first", () => {
    const fields = read(`{"USERNAME":"other","username":"exact","ſecret":"long s","toKen":"kelvin"}`);
    expect([fields.text("username"), fields.text("secret"), fields.text("token")]).toEqual([
      "exact",
      "long s",
      "kelvin",
    ]);
  });

  test("null is absent, in every type; a null in a list is left out", () => {
    const fields = read(`{"a":null,"list":["x",null]}`);
    expect([fields.has("a"), fields.text("a"), fields.wholeNumber("a"), fields.object("a")]).toEqual([
      false,
      "",
      undefined,
      undefined,
    ]);
    expect([fields.texts("a"), fields.objects("a"), fields.texts("list")]).toEqual([[], [], ["x"]]);
  });

  test("the keys of a map mean what they spell", () => {
    expect(strict(`{"Labels":{"a":"1","A":"2","__proto__":"3"}}`).object("labels")?.keys()).toEqual([
      "a",
      "A",
      "__proto__",
    ]);
  });

  test.each(["1.0", "1e3", "-1", "18446744073709551616", "9007199254740993", '"7"', "true", "[1]", "{}"])(
    "%s is no size",
    (number) => {
      expect(() => read(`{"size":${number}}`).wholeNumber("size")).toThrow("answer of x: size is not a whole number");
    },
  );

  test("numbers of 64 bits keep every bit", () => {
    const fields = read(`{"a":18446744073709551615,"b":9007199254740993,"c":1e3,"d":18446744073709551616,"e":5}`);
    expect([fields.unsigned64("a"), fields.unsigned64("b"), fields.unsigned64("e")]).toEqual([
      18446744073709551615n,
      9007199254740993n,
      5n,
    ]);
    for (const name of ["c", "d"]) expect(() => fields.unsigned64(name)).toThrow("64 bits");
  });

  test("bytes that are no UTF-8 become U+FFFD, half surrogates too; a byte order mark is no JSON", () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"x'), Buffer.from([0xff]), Buffer.from('\\ud800"}')]);
    expect(parseForeignObject(bytes, "x", plainDocument).text("a")).toBe("x\ufffd\ufffd");
    expect(() => parseForeignObject(Buffer.from("\ufeff{}"), "x", plainDocument)).toThrow("x is not JSON");
  });
});

describe("a key twice", () => {
  test.each([
    ["as it is", `{"size":1,"size":2}`],
    ["once escaped", `{"size":1,"\\u0073ize":2}`],
    ["in two spellings", `{"size":1,"SIZE":2}`],
    ["in two spellings, one of them Unicode", `{"size":1,"ſize":2}`],
  ])("%s is refused where a digest stands for the document", (_name, text) => {
    expect(() => strict(text).wholeNumber("size")).toThrow(CribError);
  });

  test("counts by its last one elsewhere", () => {
    expect(read(`{"size":1,"size":2}`).wholeNumber("size")).toBe(2);
    expect(read(`{"SIZE":1,"sizE":2}`).wholeNumber("size")).toBe(2);
  });
});

test.each([
  ["a million brackets", "[".repeat(1_000_000)],
  ["a million objects", '{"a":'.repeat(800_000)],
  ["250,000 keys", `{${Array.from({ length: 250_000 }, (_unused, i) => `"k${i}":1`).join(",")}}`],
  ["400,000 objects", `[${"{},".repeat(400_000)}{}]`],
  ["a number a megabyte long", `[${"1".repeat(1_000_000)}`],
  ["5 MB of blanks", " ".repeat(5_000_000)],
])("%s end as data loss, soon", (_name, text) => {
  const started = performance.now();
  expect(() => parseForeignJson(text, "x", digestedDocument)).toThrow(CribError);
  expect(performance.now() - started).toBeLessThan(1000);
});

test("an error never quotes a value", () => {
  const message = (act: () => unknown): string => {
    try {
      act();
    } catch (error) {
      return String(error);
    }
    return "";
  };
  expect(message(() => read(`{"a": s3cret`))).toBe("CribError: answer of x is not JSON");
  expect(message(() => read(`{"a":{"b":"s3cret"}}`).text("a"))).toBe("CribError: answer of x: a is not a string");
});

test("foreignField() reads objects that are passed on", () => {
  expect(foreignField({ IPs: [1], ips: null }, "ips")).toBeUndefined();
  expect(foreignField({ Ips: [1], IPS: [2] }, "ips")).toEqual([2]);
  expect(foreignField(JSON.parse('{"__proto__":1}'), "toString")).toBeUndefined();
});
