import { formatReference, parseReference } from "../registry/reference.ts";

/**
 * Tells whether a normalised reference is pinned. Patterns are names as users write them (`busybox`), or have `*` for any
 * run of characters (`registry.k8s.io/pause*`), matched against the normalised form.
 */
export function createPinnedMatcher(patterns: readonly string[]): (references: readonly string[]) => boolean {
  const exact = new Set<string>();
  const globs: string[][] = [];
  for (const pattern of patterns) {
    if (pattern.includes("*")) globs.push(pattern.split("*"));
    else exact.add(formatReference(parseReference(pattern)));
  }
  return (references) =>
    references.some((reference) => exact.has(reference) || globs.some((pieces) => matchesGlob(reference, pieces)));
}

/** Leftmost match of each piece, the last one at the end: linear, unlike a backtracking pattern. */
function matchesGlob(text: string, pieces: readonly string[]): boolean {
  const first = pieces[0] ?? "";
  const last = pieces.at(-1) ?? "";
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return at <= text.length - last.length;
}
