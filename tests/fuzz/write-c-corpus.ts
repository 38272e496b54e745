/**
 * `bun tests/fuzz/write-c-corpus.ts`: what the examples and seeds of cri-to-plan become, as inputs of the fuzzer of the monitor's
 * readers (ffi/tests/fuzz_wire.c), one for each set of steps. To be run again when the plan's form changes.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CribError } from "../../src/errors/crib-error.ts";
import { FrameKind } from "../../src/runtime/native/wire-numbers.ts";
import { say } from "../harness/say.ts";
import { judged } from "./c-judge.ts";
import type { PlanRequest } from "./plan-requests.ts";
import { loadSeeds } from "./seeds.ts";
import { criToPlan, requestsOf } from "./targets/cri-to-plan.ts";

/** The fuzzer's -max_len. */
const MAX_BYTES = 8192;
const MAX_FILES = 40;

const directory = join(import.meta.dir, "../../ffi/tests/corpus");
const inputs = [...criToPlan().examples(), ...loadSeeds("cri-to-plan").map(({ bytes }) => bytes)];
const byShape = new Map<string, Uint8Array>();
for (const { kind, payload, steps } of inputs.flatMap(requests)) {
  const input = judged.request(FrameKind[kind], payload);
  const shape = `${kind} ${[...steps].sort().join()}`;
  const smallest = byShape.get(shape)?.length ?? MAX_BYTES + 1;
  if (input.length < smallest) byShape.set(shape, input);
}
rmSync(directory, { recursive: true, force: true });
mkdirSync(directory);
for (const input of [...byShape.values()].slice(0, MAX_FILES))
  writeFileSync(join(directory, Bun.hash(input).toString(16).padStart(16, "0")), input);
say(`${Math.min(byShape.size, MAX_FILES)} files`);

function requests(input: Uint8Array): readonly PlanRequest[] {
  try {
    return requestsOf(input);
  } catch (error) {
    if (CribError.is(error)) return [];
    throw error;
  }
}
