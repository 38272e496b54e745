/**
 * The build, one command: `npm run build`, or `bun build.ts [--only-proto | --only-native]`.
 *
 *   proto/ ── buf, protoc-gen-es ──▶ src/gen/
 *   ffi/numbers.json ──────────────▶ headers in ffi/, modules in src/
 *   ffi/   ── gcc, musl-gcc ───────▶ build/libcrib.so, crib-monitor, hello ─┐
 *   Bun    ── disarmed ────────────▶ build/bun-base ────────────────────────┼─▶ dist/crib ── smoke test
 *   src/   ── bundled, minified, bytecode ──────────────────────────────────┘
 */
import { parseArgs } from "node:util";
import { baseStep } from "./scripts/build/base-executable.ts";
import { bundleStep } from "./scripts/build/bundle.ts";
import { nativeStep } from "./scripts/build/native.ts";
import { numbersStep } from "./scripts/build/numbers/numbers.ts";
import { protoStep } from "./scripts/build/proto.ts";
import { smokeStep } from "./scripts/build/smoke.ts";
import { runStep } from "./scripts/build/stamp.ts";
import { findToolchain } from "./scripts/build/tools.ts";

const { values: only } = parseArgs({
  options: { "only-proto": { type: "boolean" }, "only-native": { type: "boolean" } },
});

try {
  await runStep(numbersStep());
  if (!only["only-native"]) await runStep(protoStep());
  if (!only["only-proto"]) await runStep(nativeStep(await findToolchain()));
  if (!only["only-native"] && !only["only-proto"]) {
    await runStep(baseStep());
    await runStep(await bundleStep());
    await runStep(smokeStep());
  }
} catch (error) {
  process.stderr.write(`build failed: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof AggregateError) for (const cause of error.errors) process.stderr.write(`  ${String(cause)}\n`);
  process.exitCode = 1;
}
