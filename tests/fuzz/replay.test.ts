import { afterAll, describe, expect, test } from "bun:test";
import { fuzzTargets } from "./catalogue.ts";
import { loadSeeds } from "./seeds.ts";

/** What fuzzing has found and where it has been, again, in seconds: `npm run fuzz` looks for more. */
for (const [name, makeTarget] of fuzzTargets)
  describe(`seeds of ${name}`, () => {
    const target = makeTarget();
    afterAll(() => target.finish?.());
    test("its examples are read", () => {
      const words = target.examples().map((input) => target.run(input));
      expect(words.length).toBeGreaterThan(0);
      expect(words).not.toContain("");
    });
    test.each(loadSeeds(name).map((seed) => [seed.file, seed.bytes] as const))("%s", (_, bytes) => {
      expect(target.run(bytes)).not.toBe("");
    });
  });
