import { describe, expect, test } from "bun:test";
import { constants, deflateSync } from "node:zlib";
import { controlFrame, dataFrame, listen, numbers, SpdyPeer } from "../../../tests/fixtures/spdy-peer.ts";
import { encodeHeaderBlock } from "./header-block.ts";
import { headerDictionary } from "./header-dictionary.ts";

const FIN = 1;
const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** What spdystream 0.5.1 sent for: three streams, data, a ping, a stream it resets, and its leave. */
const spdystreamBytes = hex(`
  80030001 00000033 00000001 00000000 0000 78f9e3c6a7c202e50e5012cfcecc0397c3c59979d9e074575294
    9a980b2d5a585341010f000000ffff
  80030001 00000017 00000003 00000000 0000 224e6971494a661e000000ffff
  00000003 00000005 68656c6c6f   00000003 01000000
  80030001 0000001e 00000005 00000000 0000 822a4595622b2e49c90717ef2846000000 00ffff
  80030006 00000004 00000001
  80030001 0000002e 00000007 00000000 0000 02257b0cb5a0c22c11522f148175581858183030307016
    41d25126483ba301000000ffff
  80030003 00000008 00000007 00000005   80030007 00000008 00000000 00000000`);

describe("what a real client sends is understood", () => {
  test.each([spdystreamBytes.length, 1, 7])("in pieces of %d bytes", (size) => {
    const heard: string[][] = [];
    using peer = new SpdyPeer({}, (stream) => {
      stream.reply();
      heard.push(listen(stream));
    });
    for (let at = 0; at < spdystreamBytes.length; at += size) peer.send(spdystreamBytes.subarray(at, at + size));
    expect(peer.streams.map(({ id, headers }) => [id, Object.fromEntries(headers)])).toEqual([
      [1, { streamtype: "error", kind: "sink" }],
      [3, { streamtype: "stdin", kind: "sink" }],
      [5, { streamtype: "stdout", kind: "sink" }],
      [7, { streamtype: "data", port: "8080", requestid: "0" }],
    ]);
    expect(heard.map((words) => words.join(""))).toEqual([
      "",
      "hello(end)",
      "",
      "(reset: the peer reset the stream with status 5)",
    ]);
    expect(peer.takeFrames()).toEqual(["reply 1", "reply 3", "reply 5", "ping 1", "reply 7"]);
    for (const stream of peer.streams) stream.reset();
    expect(peer.closed).toEqual(["farewell"]);
  });
});

describe("a stream", () => {
  test("ends when both halves have, in either order", () => {
    using peer = new SpdyPeer();
    const first = peer.open(1);
    const second = peer.open(3);
    if (first === undefined || second === undefined) throw new Error("no streams");
    const heard = [listen(first), listen(second)];
    first.write(Buffer.from("abc"));
    first.end();
    peer.send(dataFrame(1, "x"), dataFrame(1, "", FIN), dataFrame(3, "y", FIN));
    second.end();
    second.end();
    expect(heard).toEqual([
      ["x", "(end)"],
      ["y", "(end)"],
    ]);
    expect(peer.takeFrames()).toEqual([
      "reply 1",
      "data 1 3 bytes",
      "data 1 0 bytes fin",
      "reply 3",
      "data 3 0 bytes fin",
    ]);
    // Nothing more on streams that are over, and no complaint about data that was under way.
    expect(first.write(Buffer.from("late"))).toBe(true);
    first.reset();
    peer.send(dataFrame(1, "late"), controlFrame(3, numbers(1, 5)));
    expect(peer.takeFrames()).toEqual([]);
  });

  test("that is opened ended hears its end", () => {
    using peer = new SpdyPeer({}, (stream) => stream.onData((bytes) => heard.push(bytes)));
    const heard: (Uint8Array | undefined)[] = [];
    peer.open(1, {}, FIN);
    expect(heard).toEqual([undefined]);
  });

  test("is turned down or reset", () => {
    using peer = new SpdyPeer();
    peer.open(1)?.refuse();
    peer.open(3)?.reset();
    peer.open(5, { reply: "yes" })?.reply([["X-Answer", "42"]]);
    expect(peer.takeFrames()).toEqual(["reset 1 status 3", "reset 3 status 5", "reply 5 x-answer=42"]);
  });

  test("splits what is too long for a frame", () => {
    using peer = new SpdyPeer();
    peer.open(1)?.write(new Uint8Array(600 * 1024));
    const frames = ["data 1 262144 bytes", "data 1 262144 bytes", "data 1 90112 bytes"];
    expect(peer.takeFrames()).toEqual(["reply 1", ...frames]);
  });

  test("headers behind the first are read, and may end it", () => {
    using peer = new SpdyPeer();
    const stream = peer.open(1);
    const heard = stream === undefined ? [] : listen(stream);
    const block = peer.compress(encodeHeaderBlock([["more", "headers"]]));
    peer.send(controlFrame(8, Buffer.concat([numbers(1), block]), FIN));
    expect(heard).toEqual(["(end)"]);
    expect(peer.open(3, { after: "them" })?.headers.get("after")).toBe("them");
  });
});

describe("a paused stream", () => {
  test("keeps what comes, holds the transport when that is much, and hands it out in order", () => {
    using peer = new SpdyPeer({ maxStreamBufferBytes: 1000 });
    const stream = peer.open(1);
    const other = peer.open(3);
    if (stream === undefined || other === undefined) throw new Error("no streams");
    const heard = listen(stream);
    const heardByOther = listen(other);
    stream.pause();
    peer.send(dataFrame(1, "a".repeat(500)), dataFrame(3, "quick"));
    expect([heard, heardByOther, peer.holds]).toEqual([[], ["quick"], []]);
    peer.send(dataFrame(1, "b".repeat(500)), dataFrame(1, "", FIN));
    expect(peer.holds).toEqual(["hold"]);
    stream.resume();
    expect(heard).toEqual(["a".repeat(500), "b".repeat(500), "(end)"]);
    expect(peer.holds).toEqual(["hold", "go on"]);
  });

  test("may pause again from within its listener", () => {
    using peer = new SpdyPeer();
    const stream = peer.open(1);
    if (stream === undefined) throw new Error("no stream");
    const heard: string[] = [];
    stream.pause();
    stream.onData((bytes) => {
      heard.push(bytes === undefined ? "(end)" : Buffer.from(bytes).toString());
      stream.pause();
    });
    peer.send(dataFrame(1, "a"), dataFrame(1, "b"), dataFrame(1, "", FIN));
    for (const expected of [["a"], ["a", "b"], ["a", "b", "(end)"]]) {
      stream.resume();
      expect(heard).toEqual(expected);
    }
  });

  test("lets go of the transport when it ends", () => {
    using peer = new SpdyPeer({ maxStreamBufferBytes: 100 });
    const stream = peer.open(1);
    peer.send(dataFrame(1, "x".repeat(101)));
    stream?.reset();
    expect(peer.holds).toEqual(["hold", "go on"]);
  });

  test("single bytes count as what they cost", () => {
    using peer = new SpdyPeer();
    peer.open(1);
    let sent = 0;
    for (; peer.holds.length === 0 && sent < 10_000; sent++) peer.send(dataFrame(1, "x"));
    expect(sent).toBeLessThan(1000);
  });

  test("many streams hold the transport together", () => {
    using peer = new SpdyPeer({ maxConnectionBufferBytes: 10_000 });
    for (let id = 1; id < 40; id += 2) {
      peer.open(id);
      peer.send(dataFrame(id, "x".repeat(600)));
    }
    expect(peer.holds).toEqual(["hold"]);
  });

  test("a transport that goes on all the same ends the connection", () => {
    using peer = new SpdyPeer({ maxConnectionBufferBytes: 10_000 });
    const stream = peer.open(1);
    const reasons: string[] = [];
    stream?.onReset((reason) => reasons.push(reason));
    for (let i = 0; i < 200 && peer.closed.length === 0; i++) peer.send(dataFrame(1, "x".repeat(1000)));
    expect([peer.closed, reasons]).toEqual([["the transport was not held"], ["the transport was not held"]]);
  });
});

describe("a transport that says stop", () => {
  test("gets the rest in order, and writers hear when to go on", () => {
    using peer = new SpdyPeer();
    const streams = [peer.open(1), peer.open(3)];
    const heard: number[] = [];
    peer.takesBytes = false;
    const answers = streams.map((stream) => {
      stream?.onDrain(() => heard.push(stream.id));
      return stream?.write(Buffer.from("abc"));
    });
    expect(answers).toEqual([false, false]);
    expect(peer.takeFrames()).toEqual(["reply 1"]);
    peer.connection.drained();
    expect([peer.takeFrames(), heard]).toEqual([["data 1 3 bytes"], []]);
    peer.takesBytes = true;
    peer.connection.drained();
    expect([peer.takeFrames(), heard]).toEqual([
      ["reply 3", "data 3 3 bytes"],
      [1, 3],
    ]);
  });

  test("for ever, while somebody writes: the connection ends", () => {
    using peer = new SpdyPeer({ maxQueuedBytes: 10_000 });
    const stream = peer.open(1);
    peer.takesBytes = false;
    for (let i = 0; i < 50; i++) stream?.write(new Uint8Array(1000));
    expect(peer.closed).toEqual(["the peer does not read what it is sent"]);
  });

  test("for ever, while the peer pings: the connection ends", () => {
    using peer = new SpdyPeer({ maxQueuedBytes: 10_000 });
    peer.takesBytes = false;
    for (let i = 0; i < 500; i++) peer.send(controlFrame(6, numbers(1)));
    expect(peer.closed).toEqual(["the peer does not read what it is sent"]);
  });
});

describe("the end", () => {
  test("a farewell of ours waits for the streams and for the transport", () => {
    using peer = new SpdyPeer();
    const stream = peer.open(1);
    stream?.reply();
    peer.connection.goAway();
    expect(peer.takeFrames()).toEqual(["reply 1", "go away, last 1, status 0"]);
    expect(peer.open(3)).toBeUndefined();
    peer.takesBytes = false;
    stream?.write(Buffer.from("last"));
    stream?.reset();
    expect(peer.closed).toEqual([]);
    peer.takesBytes = true;
    peer.connection.drained();
    expect([peer.takeFrames(), peer.closed]).toEqual([["data 1 4 bytes", "reset 1 status 5"], ["farewell"]]);
  });

  test("a dispose tells the streams and nobody else", () => {
    const peer = new SpdyPeer();
    const stream = peer.open(1);
    const heard = stream === undefined ? [] : listen(stream);
    peer[Symbol.dispose]();
    peer[Symbol.dispose]();
    peer.send(dataFrame(1, "late"), controlFrame(6, numbers(1)));
    peer.connection.drained();
    stream?.write(Buffer.from("late"));
    expect([heard, peer.closed, peer.takeFrames()]).toEqual([["(reset: the connection was closed)"], [], []]);
  });
});

describe("what a hostile client sends ends its stream", () => {
  const cases: readonly [name: string, act: (peer: SpdyPeer) => void, answer: string[]][] = [
    ["data on a stream nobody opened", (peer) => peer.send(dataFrame(3, "x", FIN)), ["reset 3 status 2"]],
    ["data on a stream of the server", (peer) => peer.send(dataFrame(2, "x")), ["reset 2 status 2"]],
    [
      "data behind the end",
      (peer) => {
        peer.open(1);
        peer.send(dataFrame(1, "", FIN), dataFrame(1, "x"));
      },
      ["reset 1 status 9"],
    ],
    ["too many headers", (peer) => peer.open(1, { a: "", b: "", c: "" }), ["reset 1 status 1"]],
    [
      "more streams at once than allowed",
      (peer) => {
        for (const id of [1, 3, 5]) peer.open(id);
      },
      ["reset 5 status 3"],
    ],
    [
      "more streams in all than allowed",
      (peer) => {
        for (const id of [1, 3, 5, 7, 9]) peer.open(id)?.refuse();
      },
      ["reset 1 status 3", "reset 3 status 3", "reset 5 status 3", "reset 7 status 3", "reset 9 status 3"],
    ],
    ["a stream without our half", (peer) => peer.open(1, {}, 2), ["reset 1 status 3"]],
  ];
  test.each(cases)("%s", (_, act, answer) => {
    using peer = new SpdyPeer({ maxHeaders: 2, maxOpenStreams: 2, maxStreams: 4 });
    act(peer);
    expect(peer.takeFrames()).toEqual(answer);
    expect(peer.streams.length).toBeLessThanOrEqual(4);
    // The connection itself is well: other streams of it go on.
    peer.send(controlFrame(6, numbers(77)));
    expect([peer.takeFrames(), peer.closed]).toEqual([["ping 77"], []]);
  });
});

describe("what a hostile client sends ends its connection", () => {
  const bomb = (): Uint8Array =>
    deflateSync(new Uint8Array(8 << 20), { dictionary: headerDictionary(), finishFlush: constants.Z_SYNC_FLUSH });
  const times = (count: number, act: (i: number) => void): void => {
    for (let i = 0; i < count; i++) act(i);
  };
  const cases: readonly [name: string, act: (peer: SpdyPeer) => void, reason: RegExp][] = [
    ["a control frame of 16 MiB", (peer) => peer.send(hex("80030001 00ffffff")), /16777215 bytes, at most 16384/],
    ["another version", (peer) => peer.send(controlFrame(6, numbers(1), 0, 2)), /version 2/],
    ["text", (peer) => peer.send(Buffer.from("\xff\xffGET / HTTP/1.1\r\n\r\n", "latin1")), /version/],
    ["a stream's frame cut short", (peer) => peer.send(controlFrame(1, numbers(1, 0))), /type 1 with 8 bytes/],
    ["a reset cut short", (peer) => peer.send(controlFrame(3, numbers(1))), /type 3 with 4 bytes/],
    ["a ping without id", (peer) => peer.send(controlFrame(6, new Uint8Array(0))), /type 6 with 0 bytes/],
    ["a zip bomb", (peer) => peer.synStream(1, bomb()), /longer than 32768 bytes/],
    ["headers that are not compressed", (peer) => peer.synStream(1, Buffer.from("streamtype: stdin")), /not a zlib/],
    ["an even stream", (peer) => peer.open(2), /odd and grow/],
    ["stream 0", (peer) => peer.open(0), /odd and grow/],
    ["a stream twice", (peer) => times(2, () => peer.open(1)), /stream 1 opened after 1/],
    ["a stream that goes back", (peer) => [5, 3].map((id) => peer.open(id)), /stream 3 opened after 5/],
    ["a reply", (peer) => peer.send(controlFrame(2, numbers(1))), /reply/],
    ["pings", (peer) => times(1001, () => peer.send(controlFrame(6, numbers(1)))), /too many control/],
    ["settings", (peer) => times(1001, () => peer.send(controlFrame(4, numbers(0)))), /too many control/],
    ["unknown frames", (peer) => times(1001, () => peer.send(controlFrame(99, numbers(0)))), /too many control/],
    ["rapid reset", (peer) => times(10_001, (i) => rapidReset(peer, i * 2 + 1)), /too many streams reset/],
    ["data on 10,001 streams", (peer) => times(10_001, (i) => peer.send(dataFrame(i * 2 + 1, ""))), /rejected/],
  ];
  const rapidReset = (peer: SpdyPeer, id: number): void => {
    peer.open(id);
    peer.send(controlFrame(3, numbers(id, 5)));
  };
  test.each(cases)("%s", (_, act, reason) => {
    using peer = new SpdyPeer();
    act(peer);
    expect(peer.closed.join()).toMatch(reason);
    expect(peer.closed.length).toBe(1);
    expect(peer.takeFrames().at(-1)).toMatch(/^go away, last \d+, status 1$/);
    peer.send(controlFrame(6, numbers(1)), dataFrame(99, "x"));
    expect(peer.takeFrames()).toEqual([]);
  });

  test("a budget fills again", () => {
    using peer = new SpdyPeer();
    for (let second = 0; second < 30; second++) {
      peer.nowMs += 1000;
      for (let i = 0; i < 100; i++) peer.send(controlFrame(6, numbers(1)));
    }
    expect(peer.closed).toEqual([]);
  });

  test("window updates cost nothing and are not counted", () => {
    using peer = new SpdyPeer();
    for (let i = 0; i < 20_000; i++) peer.send(controlFrame(9, numbers(1, 65_536)));
    expect([peer.closed, peer.takeFrames()]).toEqual([[], []]);
  });
});

test("a frame of 16 MiB of data is passed on as it arrives", () => {
  using peer = new SpdyPeer();
  const stream = peer.open(1);
  let received = 0;
  stream?.onData((bytes) => {
    received += bytes?.length ?? 0;
  });
  peer.send(hex("00000001 00ffffff"));
  const piece = new Uint8Array(64 * 1024);
  for (let left = 0xffffff; left > 0; left -= piece.length) peer.send(piece.subarray(0, Math.min(left, piece.length)));
  expect([received, peer.holds]).toEqual([0xffffff, []]);
});

/** An allocation or a copy for each byte would take many times as long; the bound leaves room for a busy machine. */
test("128 MiB go each way within two seconds", () => {
  using peer = new SpdyPeer();
  const stream = peer.open(1);
  let bytes = 0;
  stream?.onData((piece) => {
    bytes += piece?.length ?? 0;
  });
  const frame = dataFrame(1, new Uint8Array(32 * 1024));
  const payload = new Uint8Array(32 * 1024);
  const before = performance.now();
  for (let i = 0; i < 4096; i++) {
    peer.send(frame);
    stream?.write(payload);
    if (i % 64 === 0) peer.takeSent();
  }
  expect(bytes).toBe(128 * 1024 * 1024);
  expect(performance.now() - before).toBeLessThan(2000);
});
