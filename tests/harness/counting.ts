import { sh } from "./monitor-bed.ts";
import { waitUntil } from "./wait-until.ts";

/** A program that counts lines until it is told to end, then says how far it came: `end N` after N lines. */
export function counting(exitCode: number, pause = ""): { readonly argv: readonly string[] } {
  const end = `trap 'echo end $i; exit ${exitCode}' TERM`;
  return { argv: sh(`i=0; ${end}; while :; do echo line $i; i=$((i+1)); ${pause} done`) };
}

/**
 * What is wrong with the lines of a program that counts; undefined when each is there once and in order. `firstLine`: where they
 * must begin; an attachment may begin anywhere.
 */
export function brokenCount(lines: readonly string[], firstLine?: number): string | undefined {
  const [first = ""] = lines;
  const start = Number(first.slice("line ".length));
  if (firstLine !== undefined && start !== firstLine) return `begins with ${JSON.stringify(first)}`;
  const wrong = lines.slice(0, -1).findIndex((line, index) => line !== `line ${start + index}`);
  if (wrong !== -1) return `${JSON.stringify(lines[wrong])} where line ${start + wrong} should be`;
  const last = lines.at(-1) ?? "";
  const end = Number(last.slice("end ".length));
  const seen = start + lines.length - 1;
  // A signal may come between a line and its count.
  return seen === end || seen === end + 1 ? undefined : `${JSON.stringify(last)} behind ${seen} lines`;
}

/** @throws {Error} with what {@link brokenCount} finds. */
export function expectUnbroken(lines: readonly string[], firstLine?: number): void {
  const broken = brokenCount(lines, firstLine);
  if (broken !== undefined) throw new Error(`the count is broken: ${broken}`);
}

/** Until there is more of it. */
export async function grown(what: string, size: () => number): Promise<void> {
  const before = size();
  await waitUntil(() => size() > before, { what });
}
