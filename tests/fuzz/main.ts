/**
 * `bun tests/fuzz/main.ts [target…] [--seconds N] [--seed N] [--keep]`: all targets or those named, one after another, each for
 * N seconds of processor time. `--keep` saves inputs that took new paths. Ends with a line `N passed, N failed`.
 */
import { parseArgs } from "node:util";
import { say } from "../harness/say.ts";
import { fuzzTargets } from "./catalogue.ts";
import { FlightRecorder } from "./flight-recorder.ts";
import { FuzzLoop } from "./fuzz-loop.ts";
import { watchedRun } from "./watched-run.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    keep: { type: "boolean", default: false },
    child: { type: "boolean", default: false },
  },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
const flags = [`--seconds=${values.seconds}`, `--seed=${seed}`, ...(values.keep ? ["--keep"] : [])];

function makeTarget(name: string) {
  const make = fuzzTargets.get(name);
  if (make === undefined) throw new Error(`no target ${name}; there are ${[...fuzzTargets.keys()].join(", ")}`);
  return make();
}

/** The process that reads the inputs; the one that started it watches. */
async function fuzz(name: string, recorderPath: string): Promise<boolean> {
  const target = makeTarget(name);
  const recorder = new FlightRecorder(recorderPath, target.maxInputBytes);
  const seconds = Number(values.seconds);
  const { inputs, paths, finding } = await new FuzzLoop({
    target,
    seed,
    seconds,
    recorder,
    keepPaths: values.keep,
  }).run();
  say(`${name}: ${inputs} inputs, ${paths} paths, seed ${seed}`);
  if (finding !== undefined) say(finding);
  return finding === undefined;
}

if (values.child) {
  const [name = "", recorderPath = ""] = positionals;
  process.exit((await fuzz(name, recorderPath)) ? 0 : 1);
}

let failed = 0;
const names = positionals.length > 0 ? positionals : [...fuzzTargets.keys()];
for (const name of names) {
  const broken = await watchedRun(makeTarget(name), [process.execPath, import.meta.path, ...flags, "--child", name]);
  if (broken === undefined) continue;
  failed++;
  say(`FAIL  ${broken}; again with --seed ${seed}`);
}
say(`${names.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
