import type { EngineKind } from "../harness/engine.ts";
import type { SpecResult } from "./spec-report.ts";

type State = SpecResult["state"];

/** A line of expected.md: specs that cannot pass on every machine, by full name or by its beginning. */
export interface Expectation {
  readonly name: string;
  readonly isPrefix: boolean;
  readonly states: Readonly<Record<EngineKind, State>>;
}

const words: Readonly<Record<string, State>> = { passes: "passed", fails: "failed", skipped: "skipped" };

/** Reads the tables: ``| `name` or `beginning …` | crib | containerd | why |``. @throws for a line that is none of these. */
export function readExpected(markdown: string): readonly Expectation[] {
  return markdown
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => {
      const [quoted = "", crib = "", containerd = "", reason = ""] = line
        .slice(1)
        .split("|")
        .map((cell) => cell.trim());
      const name = quoted.replaceAll("`", "");
      const states = { crib: words[crib], containerd: words[containerd] };
      if (states.crib === undefined || states.containerd === undefined || reason === "") {
        throw new Error(`expected.md: no states and reason in ${JSON.stringify(line)}`);
      }
      const isPrefix = name.endsWith(" …");
      return {
        name: isPrefix ? name.slice(0, -1) : name,
        isPrefix,
        states: { crib: states.crib, containerd: states.containerd },
      };
    });
}

/**
 * What differs: a spec that did not pass and is not listed so, a listed one that ended otherwise, and, after a run of the
 * whole suite, a line that no spec answers to any more.
 */
export function compareWithExpected(
  results: readonly SpecResult[],
  expected: readonly Expectation[],
  engine: EngineKind,
  whole: boolean,
): { readonly surprises: readonly string[]; readonly understood: number } {
  const surprises: string[] = [];
  const answered = new Set<Expectation>();
  let understood = 0;
  for (const { name, state } of results) {
    const line = expected.find((entry) => (entry.isPrefix ? name.startsWith(entry.name) : name === entry.name));
    if (line !== undefined) answered.add(line);
    const wanted = line?.states[engine] ?? "passed";
    // A run with --focus marks all other specs as skipped.
    if (state === wanted) understood += state === "passed" ? 0 : 1;
    else if (whole || state !== "skipped") surprises.push(`${name}: ${state}, not ${wanted}`);
  }
  if (whole) {
    const idle = expected.filter((entry) => !answered.has(entry));
    surprises.push(...idle.map(({ name }) => `${name}: listed, but there is no such spec`));
  }
  return { surprises, understood };
}
