/** How one test file went in a guest. */
export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** What it printed, for when it failed. */
  readonly text: string;
}

/** Reads what the guest's script told: a file that was begun and has no end, or ended badly without a failed test, failed. */
export function fileResults(output: string, expected: readonly string[]): readonly FileResult[] {
  return expected.map((file) => {
    const begin = output.indexOf(`@@begin ${file}`);
    if (begin < 0) return { file, passed: 0, failed: 1, skipped: 0, seconds: 0, text: "the guest never came to it" };
    const rest = output.slice(begin);
    const end = /^@@end \S+ (\d+) (\d+)\s*$/m.exec(rest);
    const text = end === null ? rest : rest.slice(0, end.index);
    const failed = count(text, "fail");
    return {
      file,
      passed: count(text, "pass"),
      failed: end?.[1] === "0" ? failed : Math.max(failed, 1),
      skipped: count(text, "skip"),
      seconds: Number(end?.[2] ?? 0),
      text: end === null ? `${text}\nthe guest was out of time here` : text,
    };
  });
}

/** The closing lines of `bun test`: ` 12 pass`. */
function count(text: string, word: "pass" | "fail" | "skip"): number {
  return Number([...text.matchAll(new RegExp(`^\\s*(\\d+) ${word}\\s*$`, "gm"))].at(-1)?.[1] ?? 0);
}
