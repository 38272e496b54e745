import { describe, expect, test } from "bun:test";
import type { NetlinkExchange } from "../../kernel/port.ts";
import { createRecordingKernel } from "../../kernel/recording.ts";
import {
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
} from "./constants.ts";
import { MessageBuilder } from "./message-builder.ts";
import { NetlinkSocket } from "./netlink-socket.ts";
import { parseMessages } from "./parse-messages.ts";

type Reply = { readonly sequence: number; readonly errno?: number; readonly text?: string; readonly type?: number };

/** A kernel that answers each request with the next of these. */
function answering(...answers: readonly (readonly Reply[])[]) {
  const queue = answers.map((replies) => replies.map(encode));
  return createRecordingKernel({
    async exchangeAside() {
      const next = queue.shift();
      if (next === undefined) throw new Error("nothing left to answer");
      return Buffer.concat(next);
    },
  });
}

function sentBy(kernel: ReturnType<typeof createRecordingKernel>) {
  const [, exchange] = kernel.argumentsOf("exchangeAside")[0] as [unknown, NetlinkExchange];
  return { ...exchange, messages: parseMessages(exchange.datagram) };
}

function encode({ sequence, errno = 0, text, type = NLMSG_ERROR }: Reply): Uint8Array {
  const builder = new MessageBuilder(sequence);
  builder.begin(type, text === undefined ? 0 : NLM_F_ACK_TLVS | NLM_F_CAPPED);
  if (type === NLMSG_ERROR) {
    builder.u32(-errno >>> 0);
    builder.raw(new Uint8Array(16));
    if (text !== undefined) builder.attributeString(NLMSGERR_ATTR_MSG, text);
  }
  builder.end();
  return builder.finish().slice();
}

function twoMessages(builder: MessageBuilder): void {
  for (const type of [16, 20]) {
    builder.begin(type, 0);
    builder.end();
  }
}

describe("transact", () => {
  test("asks for an acknowledgement of the last message only and takes it", async () => {
    const kernel = answering([{ sequence: 2 }]);
    using socket = NetlinkSocket.open(kernel, "route");
    await socket.transact("do it", twoMessages);
    const { messages, first, last } = sentBy(kernel);
    expect(messages.map(({ flags }) => flags & NLM_F_ACK)).toEqual([0, NLM_F_ACK]);
    expect([first, last]).toEqual([1, 2]);
  });

  test("throws the first failure, with the kernel's words", async () => {
    const kernel = answering([
      { sequence: 1, errno: 17, text: "Device exists" },
      { sequence: 2, errno: 19 },
    ]);
    using socket = NetlinkSocket.open(kernel, "route");
    await expect(socket.transact("create link x", twoMessages)).rejects.toThrow(
      "create link x: EEXIST (file exists): Device exists",
    );
  });

  test("a stale answer of an earlier request is not taken for this one's", async () => {
    const kernel = answering([{ sequence: 1 }], [{ sequence: 1, errno: 1 }, { sequence: 2 }]);
    using socket = NetlinkSocket.open(kernel, "route");
    const one = (builder: MessageBuilder) => {
      builder.begin(16, 0);
      builder.end();
    };
    await socket.transact("first", one);
    await socket.transact("second", one);
  });

  test("requests of one socket are made one after the other, and each goes out as it was written", async () => {
    const first = Promise.withResolvers<void>();
    const sent: number[] = [];
    const kernel = createRecordingKernel({
      async exchangeAside(_fd, { datagram, last }) {
        sent.push(parseMessages(datagram)[0]?.type ?? 0);
        if (last === 1) await first.promise;
        return encode({ sequence: last });
      },
    });
    using socket = NetlinkSocket.open(kernel, "route");
    const write = (type: number) => (builder: MessageBuilder) => {
      builder.begin(type, 0);
      builder.end();
    };
    const both = [socket.transact("first", write(16)), socket.transact("second", write(20))];
    await Bun.sleep(1);
    expect(sent).toEqual([16]);
    first.resolve();
    await Promise.all(both);
    expect(sent).toEqual([16, 20]);
  });
});

test("a batch that fails as a whole is answered under its first message's number", async () => {
  const kernel = answering([{ sequence: 1, errno: 95, text: "no nftables" }]);
  using socket = NetlinkSocket.open(kernel, "netfilter");
  const write = (builder: MessageBuilder) => {
    twoMessages(builder);
    return { lastOperation: 2 };
  };
  await expect(socket.transactBatch("write", write)).rejects.toThrow(/write: EOPNOTSUPP: no nftables/);
  expect(sentBy(kernel)).toMatchObject({ first: 1, last: 2, other: 1 });
});

test("a dump ends with its last message and hands over every object", async () => {
  const kernel = answering([
    { sequence: 1, type: 16 },
    { sequence: 1, type: 16 },
    { sequence: 1, type: 16 },
    { sequence: 1, type: NLMSG_DONE },
  ]);
  using socket = NetlinkSocket.open(kernel, "route");
  let objects = 0;
  const write = (builder: MessageBuilder) => {
    builder.begin(18, 0);
    builder.end();
  };
  await socket.dump("list", write, () => objects++);
  expect(objects).toBe(3);
  expect((sentBy(kernel).messages[0]?.flags ?? 0) & NLM_F_DUMP).toBe(NLM_F_DUMP);
});

test("the descriptor is closed with the socket, and when it could not be bound", () => {
  const kernel = createRecordingKernel();
  NetlinkSocket.open(kernel, "route")[Symbol.dispose]();
  const failing = createRecordingKernel({
    bindNetlink() {
      throw new Error("no");
    },
  });
  expect(() => NetlinkSocket.open(failing, "route")).toThrow("no");
  expect(kernel.argumentsOf("close")).toHaveLength(1);
  expect(failing.argumentsOf("close")).toHaveLength(1);
});
