import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EngineKind } from "../harness/engine.ts";
import { say } from "../harness/say.ts";
import { compareWithExpected, readExpected } from "./expected.ts";
import type { SpecResult } from "./spec-report.ts";

export interface Judged {
  readonly passed: number;
  readonly failed: number;
}

/** Says how each spec ended, and holds the whole against `page`, which lies beside this file. `whole`: nothing was left out. */
export function judge(page: string, kind: EngineKind, results: readonly SpecResult[], whole: boolean): Judged {
  const marks = { passed: "ok   ", failed: "FAIL ", skipped: "skip " } as const;
  for (const { name, state, message } of results)
    say(`${marks[state]} ${name}${message === "" ? "" : `\n        ${message}`}`);
  const count = (state: keyof typeof marks): number => results.filter((result) => result.state === state).length;
  say(`\n${kind}: ${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
  const expected = readExpected(readFileSync(join(import.meta.dir, page), "utf8"));
  const { surprises, understood } = compareWithExpected(results, expected, kind, whole);
  for (const surprise of surprises) say(`not as ${page} says: ${surprise}`);
  say(`${count("passed") + understood} passed or as expected, ${surprises.length} not`);
  return { passed: count("passed"), failed: surprises.length };
}
