import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { fromRoot } from "../build/paths.ts";

const lockFile = z.object({
  packages: z.record(z.string(), z.object({ optionalDependencies: z.record(z.string(), z.string()).optional() })),
});

/**
 * `npm ci` refuses a lock file that lacks the packages of other platforms ("not in sync"), and `npm install` leaves them out
 * where the registry does not have them.
 */
test("the lock file names the packages of every platform", () => {
  const { packages } = lockFile.parse(JSON.parse(readFileSync(fromRoot("package-lock.json"), "utf8")));
  const wanted = Object.values(packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
  expect(wanted.length).toBeGreaterThan(10);
  expect(wanted.filter((name) => packages[`node_modules/${name}`] === undefined)).toEqual([]);
});
