import { describe, expect, test } from "bun:test";
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL } from "./constants.ts";
import { MessageBuilder } from "./message-builder.ts";
import { eachAttribute, parseAttributes, parseMessages, readString, readU32 } from "./parse-messages.ts";
import { IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_MTU, RTM_NEWLINK } from "./route-constants.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

/** As iproute2 sends it for `ip link add type bridge mtu 1400`, but for the sequence number. */
const createBridge = `
  34000000 1000 0506 07000000 00000000
  00000000 00000000 00000000 00000000
  0800 0400 78050000
  0c00 1280 0700 0100 627200 00`;

test("a request is laid out byte for byte as the kernel reads it", () => {
  const builder = new MessageBuilder(7);
  builder.begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  builder.raw(new Uint8Array(16));
  builder.attributeU32(IFLA_MTU, 1400);
  builder.nest(IFLA_LINKINFO, () => builder.attributeString(IFLA_INFO_KIND, "br"));
  builder.end();
  expect(hex(builder.finish())).toBe(hex(bytes(createBridge)));
  expect(builder.lastSequence).toBe(7);
});

test("big-endian numbers, padding and growth past the first buffer", () => {
  const builder = new MessageBuilder(1);
  builder.begin(1, 0);
  builder.attributeU16Be(1, 0x1234);
  builder.attributeU32Be(2, 0x12345678);
  builder.attributeU8(3, 9);
  for (let i = 0; i < 300; i++) builder.attribute(4, new Uint8Array(17).fill(i & 0xff));
  builder.end();
  builder.begin(2, 0);
  builder.end();
  const [first, second] = parseMessages(builder.finish());
  if (first === undefined || second === undefined) throw new Error("two messages expected");
  const values = [...eachAttribute(first.body)];
  expect(values.slice(0, 3).map(([type, value]) => [type, hex(value)])).toEqual([
    [1, "1234"],
    [2, "12345678"],
    [3, "09"],
  ]);
  expect(values).toHaveLength(303);
  expect([first.sequence, second.sequence, second.type]).toEqual([1, 2, 2]);
});

describe("parsing what the kernel sends", () => {
  test("messages and attributes of a datagram", () => {
    const [message] = parseMessages(bytes(createBridge));
    if (message === undefined) throw new Error("a message expected");
    const attributes = parseAttributes(message.body, 16);
    expect(message.type).toBe(RTM_NEWLINK);
    expect(readU32(attributes.get(IFLA_MTU) ?? new Uint8Array(4))).toBe(1400);
    const info = parseAttributes(attributes.get(IFLA_LINKINFO) ?? new Uint8Array());
    expect(readString(info.get(IFLA_INFO_KIND) ?? new Uint8Array())).toBe("br");
  });

  test.each([
    "1000",
    "0f0000001000050607000000000000000000",
    "ff000000100000000000000000000000",
    "00000000100000000000000000000000",
  ])("refuses the cut datagram %s", (text) => {
    expect(() => parseMessages(bytes(text))).toThrow(/cut short/);
  });

  test.each(["03000100", "0900010000000000", "ffff0100"])("refuses the cut attribute %s", (text) => {
    expect(() => parseAttributes(bytes(text))).toThrow(/cut short/);
  });
});
