import { expect, test } from "bun:test";
import { createPinnedMatcher } from "./pinned-images.ts";

test.each([
  [["busybox"], "docker.io/library/busybox:latest", true],
  [["busybox"], "docker.io/library/busybox:1", false],
  [["registry.k8s.io/pause*"], "registry.k8s.io/pause:3.10", true],
  [["*pause*"], "x.io/my/pause-thing:1", true],
  [["a*b*c"], "aXbYc", true],
  [["a*b*c"], "aXcYb", false],
  [["ab*ba"], "aba", false],
  [[], "x", false],
  [["*"], "anything", true],
] as const)("%j matches %s: %p", (patterns, reference, expected) => {
  expect(createPinnedMatcher(patterns)([reference])).toBe(expected);
});

test("many stars are still quick", () => {
  const started = performance.now();
  expect(createPinnedMatcher(["*a".repeat(200)])([`${"a".repeat(10_000)}b`])).toBe(false);
  expect(performance.now() - started).toBeLessThan(100);
});
