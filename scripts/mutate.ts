/**
 * `npm run mutate -- src/layers [--most 40] [--seed N]`: changes one thing at a time in the files of a folder and runs the folder's
 * unit tests. A change that no test notices is told: it wants a test, or the code may go. The file is as it was afterwards.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Random } from "../tests/harness/random.ts";
import { fromRoot } from "./build/paths.ts";

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  options: { most: { type: "string", default: "40" }, seed: { type: "string", default: "1" } },
  allowPositionals: true,
});
const [folder] = positionals;
if (folder === undefined) throw new Error("which folder? npm run mutate -- src/layers");

interface Mutant {
  readonly path: string;
  readonly line: number;
  readonly before: string;
  readonly after: string;
}

/** The formatter puts spaces around operators and a statement on a line of its own, which makes lines enough to go by. */
const changes: readonly (readonly [from: RegExp, to: string])[] = [
  [/ === /, " !== "],
  [/ !== /, " === "],
  [/ < /, " <= "],
  [/ <= /, " < "],
  [/ > /, " >= "],
  [/ >= /, " > "],
  [/ && /, " || "],
  [/ \|\| /, " && "],
  [/ \+ /, " - "],
  [/ - /, " + "],
  [/\btrue\b/, "false"],
  [/\bfalse\b/, "true"],
  [/^(\s+)(?:this\.|await )[\w.#]+\(.*\);$/, "$1;"],
  [/^(\s+)throw .*;$/, "$1;"],
];

/** Types, comments and imports run nothing. */
const silent =
  /^\s*(?:\/\/|\/\*|\*|import |export type|export interface|type |readonly |\| )|^\s*[\w?]+\??: [A-Z]\w+;$/;

function mutantsOf(path: string): readonly Mutant[] {
  const lines = readFileSync(fromRoot(path), "utf8").split("\n");
  return lines.flatMap((before, line) =>
    silent.test(before)
      ? []
      : changes.flatMap(([from, to]) =>
          from.test(before) ? [{ path, line, before, after: before.replace(from, to) }] : [],
        ),
  );
}

/** One that runs longer than any test may has failed. */
function testsPass(): boolean {
  const { success } = Bun.spawnSync([process.execPath, "test", "--bail", "--timeout=20000", `./${folder}`], {
    cwd: fromRoot(),
    stdout: "ignore",
    stderr: "ignore",
    timeout: 60_000,
  });
  return success;
}

const files = [...new Bun.Glob(`${folder}/**/*.ts`).scanSync({ cwd: fromRoot() })].filter(
  (path) => !/\.(?:test|worker|d)\.ts$/.test(path),
);
const random = new Random(Number(values.seed));
const all = files.sort().flatMap(mutantsOf);
const chosen = all
  .map((mutant) => ({ mutant, at: random.next() }))
  .sort((a, b) => a.at - b.at)
  .slice(0, Number(values.most))
  .map(({ mutant }) => mutant);

if (!testsPass()) throw new Error(`the tests of ${folder} fail without any change`);
let killed = 0;
for (const { path, line, before, after } of chosen) {
  const text = readFileSync(fromRoot(path), "utf8");
  try {
    writeFileSync(fromRoot(path), text.split("\n").with(line, after).join("\n"));
    if (!testsPass()) killed++;
    else process.stdout.write(`${path}:${line + 1}: ${before.trim()}  ->  ${after.trim()}\n`);
  } finally {
    writeFileSync(fromRoot(path), text);
  }
}
process.stdout.write(`${folder}: ${killed} of ${chosen.length} changes noticed, ${all.length} possible\n`);
