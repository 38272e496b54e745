import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromRoot } from "../build/paths.ts";
import { generate } from "../build/proto.ts";

const list = (directory: string): string[] => [...new Bun.Glob("**/*.ts").scanSync({ cwd: directory })].sort();

/** Generates aside and compares: committed code that cannot be generated again, or was edited by hand, is worth nothing. */
const directory = mkdtempSync(join(tmpdir(), "crib-generated-"));
try {
  // buf puts its `out: ../src/gen` below the given directory, so this leads to <directory>/src/gen.
  await generate(join(directory, "proto"));
  const [fresh, committed] = [join(directory, "src", "gen"), fromRoot("src", "gen")];
  const names = [...new Set([...list(fresh), ...list(committed)])];
  const text = (base: string, name: string): string => {
    try {
      return readFileSync(join(base, name), "utf8");
    } catch {
      return "";
    }
  };
  const differing = names.filter((name) => text(fresh, name) !== text(committed, name));
  for (const name of differing)
    console.error(`src/gen/${name} is not what proto/ generates: run npm run gen and commit it`);
  if (differing.length > 0 || names.length === 0) process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
