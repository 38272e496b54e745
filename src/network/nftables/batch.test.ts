import { expect, test } from "bun:test";
import type { NetlinkExchange } from "../../kernel/port.ts";
import { createRecordingKernel } from "../../kernel/recording.ts";
import { MessageBuilder } from "../netlink/message-builder.ts";
import { NetlinkSocket } from "../netlink/netlink-socket.ts";
import { parseMessages } from "../netlink/parse-messages.ts";
import { NftBatch, runNftBatch } from "./batch.ts";
import { type Expression, writeExpression } from "./expressions.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const golden = (text: string) => text.replaceAll(/\s/g, "");

function bodyOf(operation: (batch: NftBatch) => void): string {
  const builder = new MessageBuilder(1);
  operation(new NftBatch(builder, { family: "inet", name: "t" }));
  return hex(parseMessages(builder.finish())[0]?.body ?? new Uint8Array());
}

test("an element is encoded as nft sends it", () => {
  // nft add element inet t m { ::1 . tcp . 80 : fd00:88::2 . 8080 }, without the set's transaction number
  const key = Buffer.from("000000000000000000000000000000010600000000500000", "hex");
  const value = Buffer.from("fd0000880000000000000000000000021f900000", "hex");
  expect(bodyOf((batch) => batch.addElement({ set: "m", key, value }))).toBe(
    golden(`
      01 00 0000
      0600 0100 7400 0000
      0600 0200 6d00 0000
      4400 0380  4000 0180
        2000 0180  1c00 0100 00000000000000000000000000000001 06000000 00500000
        1c00 0280  1800 0100 fd000088000000000000000000000002 1f900000`),
  );
});

test("a base chain names its hook, priority and type", () => {
  expect(bodyOf((batch) => batch.addChain("c", { type: "nat", hook: 4, priority: -5 }))).toBe(
    golden(`
      01 00 0000
      0600 0100 7400 0000
      0600 0300 6300 0000
      1400 0480  0800 0100 00000004  0800 0200 fffffffb
      0800 0700 6e617400`),
  );
});

test("a map's types are six bits each, as nft shows them back", () => {
  const map = { name: "m", keyTypes: [7, 12, 13], keyBytes: 12, dataTypes: [7, 13], dataBytes: 8 };
  expect(bodyOf((batch) => batch.addMap(map))).toContain(
    golden("0800 0400 0000730d  0800 0500 0000000c  0800 0600 000001cd"),
  );
});

test("a set of a bridge table has neither the flag nor the types of a map's values", () => {
  const builder = new MessageBuilder(1);
  const batch = new NftBatch(builder, { family: "bridge", name: "t" });
  batch.addSet({ name: "s", keyTypes: [41, 9], keyBytes: 24 });
  batch.addElement({ set: "s", key: new Uint8Array(24).fill(1) });
  const [set, element] = parseMessages(builder.finish()).map(({ body }) => hex(body));
  expect(set).toBe(
    golden(`
      07 00 0000
      0600 0100 7400 0000
      0600 0200 7300 0000
      0800 0300 00000000
      0800 0400 00000a49  0800 0500 00000018
      0800 0a00 00000001`),
  );
  expect(element).toBe(
    golden(`
      07 00 0000
      0600 0100 7400 0000
      0600 0200 7300 0000
      2800 0380  2400 0180
        2000 0180  1c00 0100 ${"01".repeat(24)}`),
  );
});

test.each([
  [
    { kind: "member", set: "s", register: 1, is: false },
    "0b000100 6c6f6f6b75700000 1c000280 08000200 00000001 06000100 73000000 08000500 00000001",
  ],
  [
    { kind: "accept" },
    "0e000100 696d6d656469617465000000 1c000280 08000100 00000000 10000280 0c000280 08000100 00000001",
  ],
  [
    { kind: "payload", base: "network", offset: 16, length: 4, register: 1 },
    "0c000100 7061796c6f616400 24000280 08000100 00000001 08000200 00000001 08000300 00000010 08000400 00000004",
  ],
  [
    { kind: "fib-daddr-type", register: 1 },
    "08000100 66696200 1c000280 08000300 00000002 08000200 00000003 08000100 00000001",
  ],
  [{ kind: "masquerade" }, "09000100 6d617371 00000000 04000280"],
  [
    { kind: "dnat", family: 2, addressRegister: 1, portRegister: 9 },
    "08000100 6e617400 24000280 08000100 00000001 08000200 00000002 08000300 00000001 08000500 00000009",
  ],
  [
    { kind: "jump", chain: "c" },
    "0e000100 696d6d656469617465000000 24000280 08000100 00000000 18000280 14000280 08000100 fffffffd 06000200 63000000",
  ],
] satisfies readonly (readonly [Expression, string])[])("expression %j", (expression, expected) => {
  const builder = new MessageBuilder(1);
  writeExpression(builder, expression);
  expect(hex(builder.finish().subarray(4))).toBe(golden(expected));
});

test("a batch stands between its boundaries and asks for one acknowledgement", async () => {
  const kernel = createRecordingKernel({
    async exchangeAside() {
      const builder = new MessageBuilder(3);
      builder.begin(2, 0);
      builder.raw(new Uint8Array(20));
      builder.end();
      return builder.finish().slice();
    },
  });
  using socket = NetlinkSocket.open(kernel, "netfilter");
  await runNftBatch(socket, "test", (on) => {
    const batch = on({ family: "inet", name: "t" });
    batch.addTable();
    batch.deleteTable();
  });
  const [[, exchange]] = kernel.argumentsOf("exchangeAside") as [[unknown, NetlinkExchange]];
  const sent = parseMessages(exchange.datagram);
  expect(sent.map(({ type }) => type)).toEqual([0x10, 0xa00, 0xa02, 0x11]);
  expect(sent.map(({ flags }) => flags & 4)).toEqual([0, 0, 4, 0]);
  expect(hex(sent[0]?.body ?? new Uint8Array())).toBe("0000000a");
});
