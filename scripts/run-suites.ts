/**
 * Runs suites one after another and ends with one line that counts their tests: `bun scripts/run-suites.ts [NAME…]`, all of
 * the gate without names. Exits 1 when a test failed, or when there was none: an empty run proves nothing.
 */
import { catalogue, gate } from "./suites/catalogue.ts";
import { add, noTests } from "./suites/suite.ts";

const names = process.argv.length > 2 ? process.argv.slice(2) : [...gate];
const unknown = names.filter((name) => !Object.hasOwn(catalogue, name));
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(", ")}; there are ${Object.keys(catalogue).join(", ")}`);
  process.exit(2);
}

let total = noTests;
for (const name of names) {
  console.log(`── ${name}`);
  const started = performance.now();
  const counts = (await catalogue[name]?.().run()) ?? noTests;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`── ${name}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped, ${seconds} s`);
  total = add(total, counts);
  // Without an executable every later suite would fail for the same reason.
  if (name === "build" && counts.failed > 0) break;
}
for (const { name, output } of total.failures) console.log(`── failed: ${name}\n${output}\n`);
if (total.skipped > 0) console.log(`${total.skipped} skipped`);
console.log(`${total.passed} passed, ${total.failed} failed`);
// Not by running out of work: a process that a test left behind may still hold our pipe.
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
