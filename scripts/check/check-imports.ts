import { readFileSync } from "node:fs";
import { fromRoot } from "../build/paths.ts";
import { checkImports } from "./import-rules.ts";

const paths = [...new Bun.Glob("{src,tests,scripts}/**/*.ts").scanSync({ cwd: fromRoot() }), "build.ts"].sort();
const violations = checkImports(paths.map((path) => ({ path, text: readFileSync(fromRoot(path), "utf8") })));
for (const { path, line, reason } of violations) console.error(`${path}:${line}: ${reason}`);
if (violations.length > 0) {
  console.error(`${violations.length} import rules broken in ${paths.length} files`);
  process.exitCode = 1;
}
