import { mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { baseExecutable } from "./base-executable.ts";
import { buildDir, executablePath, fromRoot } from "./paths.ts";
import { run } from "./run.ts";
import type { Step } from "./stamp.ts";

async function git(...args: string[]): Promise<string> {
  // The tree may belong to another user (CI containers); reading its revision runs none of its hooks.
  return (await run(["git", "-c", "safe.directory=*", ...args])).stdout.trim();
}

/** `0123456789ab`, with `-dirty` when tracked files differ; `unknown` in a tree without git (a release tarball). */
async function findRevision(): Promise<string> {
  try {
    const [revision, changes] = await Promise.all([
      git("rev-parse", "--short=12", "HEAD"),
      git("status", "--porcelain", "--untracked-files=no"),
    ]);
    return changes === "" ? revision : `${revision}-dirty`;
  } catch {
    process.stderr.write("  no git revision: this is not a git checkout, or git is not installed\n");
    return "unknown";
  }
}

function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(fromRoot("package.json"), "utf8"));
  if (typeof parsed === "object" && parsed !== null && "version" in parsed && typeof parsed.version === "string") {
    return parsed.version;
  }
  throw new Error("package.json has no version");
}

/** Workers cannot be found by the bundler and must be entry points of their own; by convention they are named *.worker.ts. */
function entryPoints(): string[] {
  const workers = [...new Bun.Glob("src/**/*.worker.ts").scanSync({ cwd: fromRoot() })].sort();
  return ["src/main.ts", ...workers].map((path) => fromRoot(path));
}

async function bundle(define: Record<string, string>): Promise<void> {
  // Aside, because Bun lays source maps beside the executable: they are inside it, too, and only that copy is read.
  const aside = join(buildDir, `.bundle.${process.pid}`);
  try {
    const result = await Bun.build({
      entrypoints: entryPoints(),
      root: fromRoot("src"),
      target: "bun",
      format: "esm",
      minify: true,
      sourcemap: "linked",
      bytecode: true,
      define,
      compile: {
        outfile: join(aside, "crib"),
        executablePath: fromRoot(baseExecutable),
        // A root daemon reads no code or settings from the directory it happens to be started in.
        autoloadBunfig: false,
        autoloadDotenv: false,
        autoloadPackageJson: false,
        autoloadTsconfig: false,
      },
    });
    if (!result.success) throw new AggregateError(result.logs, "bundling failed");
    mkdirSync(dirname(executablePath), { recursive: true });
    renameSync(join(aside, "crib"), executablePath);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** src/ and the artifacts → dist/crib. */
export async function bundleStep(): Promise<Step> {
  const define = {
    CRIB_VERSION: JSON.stringify(packageVersion()),
    CRIB_REVISION: JSON.stringify(await findRevision()),
    "process.env.NODE_ENV": JSON.stringify("production"),
  };
  return {
    name: "bundle",
    inputs: [
      "src/**/*.ts",
      "src/**/*.json",
      "build/libcrib.so",
      "build/crib-look",
      "build/crib-layer",
      "build/crib-monitor",
      "build/hello",
      baseExecutable,
      "package-lock.json",
      "scripts/build/bundle.ts",
    ],
    key: JSON.stringify([define, Bun.version]),
    outputs: ["dist/crib"],
    work: () => bundle(define),
  };
}
