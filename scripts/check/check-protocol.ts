/**
 * Daemons and monitors of different ages speak to each other, so a number on the wire never changes its meaning. The frozen
 * table is ffi/protocol-numbers.json; the C headers and the TypeScript must say the same, all of it and no more. A new kind
 * of frame or step is a line in the table; a line that is there stays.
 */
import { readFileSync } from "node:fs";
import { FrameKind, protocol } from "../../src/runtime/native/monitor/frames.ts";
import { stepKinds } from "../../src/runtime/native/plan/step-kinds.ts";
import { driftOf, numbersInHeader, spelledAlike } from "./protocol-numbers.ts";

interface Table {
  readonly protocol: { readonly magic: number; readonly versions: readonly number[] };
  readonly frames: Readonly<Record<string, number>>;
  readonly steps: Readonly<Record<string, number>>;
}

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const table = JSON.parse(read("ffi/protocol-numbers.json")) as Table;
const protocolHeader = read("ffi/wire/protocol.h");
const versions = { oldest: table.protocol.versions[0] ?? 0, newest: table.protocol.versions.at(-1) ?? 0 };
const drift = [
  ...driftOf("protocol.h", table.frames, numbersInHeader(protocolHeader, "FRAME_")),
  ...driftOf("plan.h", table.steps, numbersInHeader(read("ffi/wire/plan.h"), "STEP_")),
  ...driftOf("frames.ts", table.frames, spelledAlike(FrameKind)),
  ...driftOf("step-kinds.ts", table.steps, spelledAlike(stepKinds)),
  ...driftOf(
    "protocol.h",
    { magic: table.protocol.magic, ...versions },
    numbersInHeader(protocolHeader, "PROTOCOL_", ["magic", "oldest", "newest"]),
  ),
  ...driftOf("frames.ts", { magic: table.protocol.magic, ...versions }, protocol),
];
for (const line of drift) process.stderr.write(`${line}\n`);
process.exitCode = drift.length === 0 ? 0 : 1;
