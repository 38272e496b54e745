import { fromRoot } from "../build/paths.ts";
import { type Output, run } from "../build/run.ts";
import { add, type Counts, failure, noTests, type Suite } from "./suite.ts";

const bin = (name: string): string => fromRoot("node_modules", ".bin", name);
const cFiles = (): string[] => [...new Bun.Glob("{ffi,tests}/**/*.{c,h}").scanSync({ cwd: fromRoot() })].sort();

/** Each check by what it proves; all are read-only, `npm run format` is what changes files. */
function checks(): { readonly name: string; readonly command: readonly string[] }[] {
  return [
    { name: "format and lint", command: [bin("biome"), "check", "--error-on-warnings", "--max-diagnostics=200", "."] },
    { name: "import directions", command: [process.execPath, "scripts/check/check-imports.ts"] },
    { name: "types", command: [bin("tsc"), "-p", "."] },
    { name: "C format", command: ["clang-format", "--dry-run", "-Werror", ...cFiles()] },
    { name: "C warnings", command: [process.execPath, "scripts/check/check-c-warnings.ts"] },
    { name: "C layers", command: [process.execPath, "scripts/check/check-c-layers.ts"] },
    { name: "protocol numbers", command: [process.execPath, "scripts/check/check-protocol.ts"] },
    { name: "generated code", command: [process.execPath, "scripts/check/check-generated.ts"] },
  ];
}

const failureText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export function checkSuite(): Suite {
  return {
    name: "check",
    async run() {
      const results = await Promise.all(
        checks().map(async ({ name, command }) => {
          const outcome = await run(command).catch((error: unknown): string => failureText(error));
          return { name, outcome };
        }),
      );
      return results.map(({ name, outcome }) => report(name, outcome)).reduce(add, noTests);
    },
  };
}

function report(name: string, outcome: Output | string): Counts {
  const failed = typeof outcome === "string";
  console.log(`  ${name.padEnd(18)} ${failed ? "FAILED" : "ok"}`);
  if (failed) console.log(outcome);
  return failed ? { ...noTests, failed: 1, failures: [failure(`check: ${name}`, outcome)] } : { ...noTests, passed: 1 };
}
