import { includeFlags, sources, warningFlags } from "../build/native.ts";
import { run } from "../build/run.ts";

/** Warnings the build itself does not ask for: they cost time, or one of the two compilers does not know them. */
const strict = ["-Wshadow", "-Wpointer-arith", "-Wstrict-prototypes", "-Wwrite-strings", "-Wvla"];

// gcc builds the product; clang sees other things in the same code.
const compilers = ["gcc", "clang"].filter((compiler) => Bun.which(compiler) !== null);
const files = sources("libcrib", "wire", "monitor", "init", "look", "hello");
const commands = compilers.map((compiler) => [
  compiler,
  ...warningFlags,
  ...strict,
  "-O1",
  "-fsyntax-only",
  ...includeFlags,
  ...files,
]);
try {
  await Promise.all(commands.map((command) => run(command)));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
