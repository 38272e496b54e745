import { describe, expect, test } from "bun:test";
import { driftOf, numbersInHeader, spelledAlike } from "./protocol-numbers.ts";

describe("the numbers of the protocol with monitors", () => {
  test("are read from a header, enum and #define", () => {
    const header = "#define X_OLDEST 1\nenum x {\n\tX_HELLO = 1, /* X_NOT = 5 */\n\tX_OK = 0x8000,\n};\nint X_SIZE;\n";
    expect(numbersInHeader(header, "X_")).toEqual({ hello: 1, ok: 0x8000 });
    expect(numbersInHeader(header, "X_", ["oldest"])).toEqual({ oldest: 1 });
  });

  test("are named alike in both languages", () => {
    expect(spelledAlike({ closeStdin: 9, "read-only-root": 19 })).toEqual({ close_stdin: 9, read_only_root: 19 });
  });

  test("drift when one changes, goes or is new", () => {
    expect(driftOf("frames.ts", { a: 1, b: 2 }, { a: 1, b: 2 })).toEqual([]);
    expect(driftOf("frames.ts", { a: 1, b: 2 }, { a: 3, c: 4 })).toEqual([
      "frames.ts: a is 3, the frozen table says 1",
      "frames.ts: b is missing, the frozen table says 2",
      "frames.ts: c is 4, the frozen table says nothing",
    ]);
  });
});
