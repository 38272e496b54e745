import { expect, test } from "bun:test";
import { cpuWeight } from "./v2-controls.ts";

const weights: readonly [bigint, bigint][] = [
  [0n, 1n],
  [2n, 1n],
  [10n, 4n],
  [102n, 17n],
  [512n, 59n],
  [1024n, 100n],
  [2048n, 174n],
  [262144n, 10000n],
  [2n ** 62n, 10000n],
];
for (const [shares, weight] of weights) {
  test(`cpuWeight() of ${shares} shares is ${weight}`, () => {
    expect(cpuWeight(shares)).toBe(weight);
  });
}

test("cpuWeight() never falls as shares rise", () => {
  let before = 0n;
  for (let shares = 2n; shares <= 262144n; shares += 37n) {
    const weight = cpuWeight(shares);
    expect(weight).toBeGreaterThanOrEqual(before);
    before = weight;
  }
});
