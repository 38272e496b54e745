import { readFileSync } from "node:fs";
import { fromRoot } from "../build/paths.ts";
import { checkCLayers } from "./c-layers.ts";

const paths = [...new Bun.Glob("**/*.{c,h}").scanSync({ cwd: fromRoot("ffi") })]
  .filter((path) => !path.split("/").includes("tests"))
  .sort();
const broken = checkCLayers(paths.map((path) => ({ path, text: readFileSync(fromRoot("ffi", path), "utf8") })));
for (const line of broken) console.error(line);
if (broken.length > 0 || paths.length === 0) {
  console.error(`${broken.length} rules of ffi/ broken in ${paths.length} files`);
  process.exitCode = 1;
}
