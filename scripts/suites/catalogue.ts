import { bunTestSuite } from "./bun-test-suite.ts";
import { cSuite } from "./c-suite.ts";
import { checkSuite } from "./check-suite.ts";
import { commandSuite } from "./command-suite.ts";
import { countedSuite } from "./counted-suite.ts";
import type { Suite } from "./suite.ts";

const bun = process.execPath;

/** Every suite by the name it is asked for on the command line. */
export const catalogue: Readonly<Record<string, () => Suite>> = {
  build: () => commandSuite("build", [bun, "build.ts"]),
  check: checkSuite,
  c: cSuite,
  unit: () =>
    bunTestSuite("unit", {
      files: ["{src,scripts}/**/*.test.ts", "tests/fuzz/*.test.ts"],
      isolated: false,
      testTimeoutMs: 30_000,
      limitSeconds: 10 * 60,
      needsRoot: false,
    }),
  integration: () =>
    bunTestSuite("integration", {
      files: ["tests/integration/**/*.test.ts"],
      isolated: true,
      testTimeoutMs: 60_000,
      limitSeconds: 10 * 60,
      needsRoot: true,
    }),
  fuzz: () => countedSuite("fuzz", [bun, "tests/fuzz/main.ts", "--seconds", "3"], 10 * 60),
  smoke: () => countedSuite("smoke", [bun, "tests/smoke/main.ts"], 10 * 60),
  "go-client": () => commandSuite("go-client", [bun, "tests/kubelet-client/build.ts"]),
  "kubelet-client": () => countedSuite("kubelet-client", [bun, "tests/kubelet-client/main.ts"], 20 * 60),
  chaos: () => countedSuite("chaos", [bun, "tests/chaos/main.ts"], 20 * 60),
  soak: () => countedSuite("soak", [bun, "tests/soak/main.ts"], 60 * 60),
  conformance: () => countedSuite("conformance", [bun, "tests/conformance/main.ts"], 60 * 60),
};

/**
 * What `npm test` runs, in the order in which a mistake is cheapest to find. The Go programs that the benchmark's test uses
 * are compiled before it: from an empty cache that takes longer than the test may.
 */
export const gate = [
  "build",
  "check",
  "c",
  "unit",
  "fuzz",
  "go-client",
  "integration",
  "smoke",
  "kubelet-client",
] as const;
