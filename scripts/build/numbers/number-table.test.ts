import { expect, test } from "bun:test";
import { readNumberTable, repeatedNumbers } from "./number-table.ts";
import { staleNumbers } from "./numbers.ts";
import { kernelHeader, wireHeader } from "./render-c.ts";
import { openModule, wireModule } from "./render-ts.ts";

const table = readNumberTable();

test("what is committed is what the table says", () => {
  expect(staleNumbers()).toEqual([]);
});

test("a number that stands twice in a list is told, also by another spelling", () => {
  expect(repeatedNumbers(table)).toEqual([]);
  const frames = { ...table.frames, later: "0x11" };
  expect(repeatedNumbers({ ...table, frames })).toEqual([
    "ffi/numbers.json: frames.later is 0x11, which another one has",
  ]);
});

test("a new frame reaches both sides, spelled as each does", () => {
  const more = { ...table, frames: { pause_all: "0x12" }, steps: { open_image: 34 } };
  expect(wireHeader(more)).toContain("enum frame_kind {\n\tFRAME_PAUSE_ALL = 0x12,\n};\n");
  expect(wireModule(more)).toContain("export const FrameKind = {\n  pauseAll: 0x12,\n} as const;\n");
  expect(wireModule(more)).toContain('export const stepNumbers = {\n  "open-image": 34,\n} as const;\n');
});

test("a flag of one architecture is asserted for that one, and chosen at run time", () => {
  const [before, x64 = "", arm64 = ""] = kernelHeader(table).split(
    /#if defined\(__x86_64__\)|#elif defined\(__aarch64__\)/,
  );
  expect(before).not.toContain("O_NOFOLLOW");
  expect(x64).toContain("_Static_assert(O_NOFOLLOW == 0x20000,");
  expect(arm64).toContain("_Static_assert(O_NOFOLLOW == 0x8000,");
  expect(openModule(table)).toContain("export const O_NOFOLLOW = ofArchitecture.O_NOFOLLOW;");
});
