import { describe, expect, test } from "bun:test";
import { newContainerId } from "../../../ids/object-id.ts";
import { WireWriter } from "../plan/wire-writer.ts";
import { readExit, readList, readStartResult } from "./replies.ts";

const id = newContainerId();

describe("replies", () => {
  test("reads a start with warnings that name their step", () => {
    const out = new WireWriter().u32(42).u64(1_700_000_000_000_000_001n).u32(1);
    out.u32(1).u16(6).u16(3).string("setrlimit").string("7");
    expect(readStartResult(out.written())).toEqual({
      pid: 42 as never,
      startedAtNs: 1_700_000_000_000_000_001n as never,
      warnings: [expect.stringContaining('step 3 rlimit: setrlimit "7": EPERM') as never],
    });
  });

  test("reads a list of the running and the exited", () => {
    const out = new WireWriter().u32(2);
    out.string(id).u32(5).u64(10n).u64(0n).u8(0).u8(0).u8(0).u8(0).u64(0n);
    out.string(id).u32(6).u64(11n).u64(99n).u8(1).u8(137).u8(9).u8(1).u64(12n);
    expect(readList(out.written())).toMatchObject([
      { pid: 5, exit: undefined },
      { pid: 6, droppedLogBytes: 99n, exit: { exitCode: 137, signal: 9, oomKilled: true, finishedAtNs: 12n } },
    ]);
  });

  test("refuses messages that are short, long or of a stranger", () => {
    const exit = new WireWriter().string(id).u8(0).u8(0).u8(0).u64(1n).written();
    expect(readExit(exit)).toMatchObject({ id, exitCode: 0 });
    for (let length = 0; length < exit.length; length++) {
      expect(() => readExit(exit.subarray(0, length))).toThrow("too few");
    }
    expect(() => readExit(Buffer.concat([exit, Uint8Array.of(0)]))).toThrow("too many");
    expect(() => readExit(new WireWriter().string("../x").u8(0).u8(0).u8(0).u64(1n).written())).toThrow("64 hex");
  });
});
