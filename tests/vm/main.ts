/** `bun tests/vm/main.ts [GUEST…] [--tests FILE,…]`: crib on kernels and control group layouts that this machine does not have. */
import { parseArgs } from "node:util";
import { say, sayProgress } from "../harness/say.ts";
import { bootGuest, type GuestOptions } from "./boot.ts";
import { guests } from "./guests.ts";
import { fileResults } from "./report.ts";

const { values, positionals } = parseArgs({ options: { tests: { type: "string" } }, allowPositionals: true });
const names = positionals.length > 0 ? positionals : guests.map(({ name }) => name);
let passed = 0;
let failed = 0;

/** One boot: a line for each file of tests, and all that a failed one printed. */
async function visit(guest: GuestOptions): Promise<void> {
  sayProgress(`booting ${guest.name}: ${guest.layout} on ${guest.kernel}`);
  const booted = await bootGuest(guest);
  const bootSeconds = /^@@booted (\S+)/m.exec(booted.output)?.[1] ?? "never";
  say(`${guest.name.padEnd(10)} ${booted.release}, cgroup ${guest.layout}, up after ${bootSeconds} s`);
  const results = fileResults(booted.output, guest.tests);
  const width = Math.max(...results.map(({ file }) => file.length));
  for (const result of results) {
    const counts = `${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`;
    say(
      `  ${result.failed > 0 ? "FAIL" : "ok  "}  ${result.file.padEnd(width)}  ${counts.padEnd(33)} ${result.seconds} s`,
    );
    if (result.failed > 0) say(result.text.trimEnd());
    passed += result.passed;
    failed += result.failed;
  }
  const ended = booted.output.includes("@@done");
  if (!ended) say(`  the guest did not come to its end in ${booted.seconds.toFixed(0)} s: ${booted.logs.join(" ")}`);
}

if (import.meta.dir.startsWith("/tmp/"))
  throw new Error("the guests have a /tmp of their own: check crib out elsewhere");
if (process.getuid?.() !== 0) throw new Error("it takes root to share this machine's files with the guests");
for (const name of names) {
  const guest = guests.find((candidate) => candidate.name === name);
  if (guest === undefined)
    throw new Error(`no guest ${name}: there are ${guests.map((known) => known.name).join(", ")}`);
  try {
    await visit(values.tests === undefined ? guest : { ...guest, tests: values.tests.split(",") });
  } catch (error) {
    say(`FAIL  ${name}: ${error instanceof Error ? error.message : String(error)}`);
    failed++;
  }
}
say(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
