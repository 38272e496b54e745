import { describe, expect, test } from "bun:test";
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

/** A kernel that answers with these datagrams, one a receive. */
function answering(...datagrams: readonly (readonly Reply[])[]) {
  const queue = datagrams.map((replies) => replies.map(encode));
  return createRecordingKernel({
    receive(_fd, into) {
      const next = queue.shift();
      if (next === undefined) throw new Error("nothing left to receive");
      const bytes = Buffer.concat(next);
      into.set(bytes);
      return bytes.length;
    },
  });
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
  test("asks for an acknowledgement of the last message only and takes it", () => {
    const kernel = answering([{ sequence: 2 }]);
    using socket = NetlinkSocket.open(kernel, "route");
    socket.transact("do it", twoMessages);
    const sent = kernel.argumentsOf("send")[0]?.[1] as Uint8Array;
    expect(parseMessages(sent).map(({ flags }) => flags & NLM_F_ACK)).toEqual([0, NLM_F_ACK]);
  });

  test("throws the first failure, with the kernel's words, after the last answer", () => {
    const kernel = answering([{ sequence: 1, errno: 17, text: "Device exists" }], [{ sequence: 2, errno: 19 }]);
    using socket = NetlinkSocket.open(kernel, "route");
    expect(() => socket.transact("create link x", twoMessages)).toThrow(
      "create link x: EEXIST (file exists): Device exists",
    );
    expect(kernel.argumentsOf("receive")).toHaveLength(2);
  });

  test("a stale answer of an earlier request is not taken for this one's", () => {
    const kernel = answering([{ sequence: 1 }], [{ sequence: 1, errno: 1 }], [{ sequence: 2 }]);
    using socket = NetlinkSocket.open(kernel, "route");
    const one = (builder: MessageBuilder) => {
      builder.begin(16, 0);
      builder.end();
    };
    socket.transact("first", one);
    socket.transact("second", one);
    expect(kernel.argumentsOf("receive")).toHaveLength(3);
  });
});

test("a batch that fails as a whole is answered under its first message's number", () => {
  const kernel = answering([{ sequence: 1, errno: 95, text: "no nftables" }]);
  using socket = NetlinkSocket.open(kernel, "netfilter");
  const write = (builder: MessageBuilder) => {
    twoMessages(builder);
    return { lastOperation: 2 };
  };
  expect(() => socket.transactBatch("write", write)).toThrow(/write: EOPNOTSUPP: no nftables/);
});

test("a dump ends with its last datagram and hands over every object", () => {
  const kernel = answering(
    [
      { sequence: 1, type: 16 },
      { sequence: 1, type: 16 },
    ],
    [
      { sequence: 1, type: 16 },
      { sequence: 1, type: NLMSG_DONE },
    ],
  );
  using socket = NetlinkSocket.open(kernel, "route");
  let objects = 0;
  const write = (builder: MessageBuilder) => {
    builder.begin(18, 0);
    builder.end();
  };
  socket.dump("list", write, () => objects++);
  expect(objects).toBe(3);
  const sent = kernel.argumentsOf("send")[0]?.[1] as Uint8Array;
  expect((parseMessages(sent)[0]?.flags ?? 0) & NLM_F_DUMP).toBe(NLM_F_DUMP);
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
