/**
 * `bun tests/bench/crossed-files.ts`: the files of src/ that have a function which ran between a RunPodSandbox's request and its
 * answer, with the built-in network and a monitor made ahead. Counted in a build whose every function with a body notes its file.
 *
 * An arrow that is one expression notes nothing, and what the daemon does beside the call is counted with it. Generated code is
 * left out.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { baseExecutable } from "../../scripts/build/base-executable.ts";
import { fromRoot } from "../../scripts/build/paths.ts";
import { podConfig } from "../harness/pod-config.ts";
import { say } from "../harness/say.ts";
import { TestBed } from "../harness/test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const aside = mkdtempSync(join(tmpdir(), "crib-crossed-"));
const executable = join(aside, "crib");
const noted = join(aside, "noted");

/** Told to, the daemon writes down what was noted since, and begins anew. */
const prelude = `
globalThis.cribNoted = new Set();
process.on("SIGUSR2", () => {
  const noted = [...globalThis.cribNoted].join("\\n");
  globalThis.cribNoted.clear();
  require("node:fs").writeFileSync(${JSON.stringify(`${noted}.part`)}, noted);
  require("node:fs").renameSync(${JSON.stringify(`${noted}.part`)}, ${JSON.stringify(noted)});
});
`;

const transpiler = new Bun.Transpiler({ loader: "ts", target: "bun" });

/** A function's body begins with a line's last brace; so does that of a condition or a loop, which is left alone. */
function noting(path: string, text: string): string {
  const note = `globalThis.cribNoted?.add(${JSON.stringify(path)});`;
  return transpiler
    .transformSync(text)
    .split("\n")
    .map((line) => {
      const isBody =
        /(?:\)|=>) \{$/.test(line) && !/^\s*(?:\} else )?(?:if|for|while|switch|catch|\} catch)\b/.test(line);
      return isBody ? `${line} ${note}` : line;
    })
    .join("\n");
}

async function build(): Promise<void> {
  const result = await Bun.build({
    entrypoints: [fromRoot("src/main.ts")],
    root: fromRoot("src"),
    target: "bun",
    define: { CRIB_VERSION: '"0.0.0"', CRIB_REVISION: '"crossed-files"' },
    plugins: [
      {
        name: "note files",
        setup(builder) {
          builder.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
            const text = readFileSync(path, "utf8");
            const name = relative(fromRoot(), path);
            if (name.startsWith("src/gen/") || name.endsWith(".d.ts")) return { contents: text, loader: "ts" };
            return { contents: `${name === "src/main.ts" ? prelude : ""}${noting(name, text)}`, loader: "js" };
          });
        },
      },
    ],
    compile: { outfile: executable, executablePath: fromRoot(baseExecutable) },
  });
  if (!result.success) throw new AggregateError(result.logs, "bundling failed");
}

async function notedBy(pid: number): Promise<readonly string[]> {
  rmSync(noted, { force: true });
  process.kill(pid, "SIGUSR2");
  await waitUntil(() => existsSync(noted), { what: "what was noted" });
  return readFileSync(noted, "utf8")
    .split("\n")
    .filter((name) => name !== "");
}

try {
  await build();
  const bed = new TestBed();
  try {
    await bed.open({ stateInMemory: true, binary: executable, images: [] });
    // The first has things made that later ones find: it is not the way of most pods.
    await bed.runPod();
    await Bun.sleep(1000);
    const pid = bed.engine.pid;
    const config = podConfig(bed.engine);
    await notedBy(pid);
    await bed.cri.runtime.runPodSandbox({ config });
    const crossed = await notedBy(pid);
    for (const name of [...crossed].sort()) say(name);
    say(`${crossed.length} files`);
  } finally {
    await bed.close();
  }
} finally {
  rmSync(aside, { recursive: true, force: true });
}
process.exit(0);
