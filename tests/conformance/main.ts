/**
 * `bun tests/conformance/main.ts [--focus RE] [--skip RE] [--parallel N] [--rounds N] [--node | --containerd-suite]`: the CRI project's own suite against a
 * daemon of ours, N specs at once, N times in a row. `--node [--keep DIRECTORY]`: Kubernetes' node suite instead, with a kubelet.
 * `--containerd-suite`: those of containerd's own integration tests that speak the CRI alone.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { parseArgs } from "node:util";
import { buildStaticBinary, type ProgramName } from "../fixtures/static-binary.ts";
import type { Engine } from "../harness/engine.ts";
import { sharedRegistry } from "../harness/registry.ts";
import { say } from "../harness/say.ts";
import { createEngine, selectedEngine } from "../harness/select-engine.ts";
import { buildCritest } from "./build-critest.ts";
import { runContainerdSuite } from "./containerd/run-containerd-suite.ts";
import { mirroredHosts, pushCritestImages } from "./critest-images.ts";
import { judge } from "./judge.ts";
import { runNodeSuite } from "./node/run-node-suite.ts";
import { readSpecReport, type SpecResult } from "./spec-report.ts";

const { values } = parseArgs({
  options: {
    focus: { type: "string" },
    skip: { type: "string" },
    parallel: { type: "string", default: "1" },
    rounds: { type: "string", default: "1" },
    node: { type: "boolean", default: false },
    keep: { type: "string" },
    "containerd-suite": { type: "boolean", default: false },
  },
});

if (values["containerd-suite"]) process.exit(await runContainerdSuite());
if (values.node) process.exit(await runNodeSuite(process.argv.slice(2).filter((arg) => arg !== "--node")));

let programs: string;
try {
  programs = buildCritest();
} catch (error) {
  say(`FAIL  critest cannot be built: ${error instanceof Error ? error.message : String(error)}`);
  say("0 passed, 1 failed");
  process.exit(1);
}

const registry = await sharedRegistry();
const engine = createEngine(selectedEngine(), { registry });
let failed = 1;
try {
  const program = (name: ProgramName) => buildStaticBinary(name, engine.directory);
  await pushCritestImages(registry, {
    pause: program("pause"),
    web: program("web"),
    showEuid: program("show-euid"),
    execSh: program("exec-sh"),
  });
  for (const host of mirroredHosts) {
    mkdirSync(join(registry.hostsDir, host), { recursive: true });
    const mirror = `[host."http://${registry.host}"]\ncapabilities = ["pull", "resolve"]\n`;
    writeFileSync(join(registry.hostsDir, host, "hosts.toml"), `server = "https://${host}"\n\n${mirror}`);
  }
  await engine.start();
  failed = 0;
  let passed = 0;
  const isWhole = values.focus === undefined && values.skip === undefined;
  for (let round = 1; round <= Number(values.rounds); round++) {
    if (Number(values.rounds) > 1) say(`\nround ${round}`);
    const outcome = judge("expected.md", engine.kind, await runCritest(engine), isWhole);
    failed += outcome.failed;
    passed += outcome.passed;
  }
  say(`${passed} passed, ${failed} failed`);
} finally {
  await engine.destroy();
  await registry.stop();
}
process.exit(failed === 0 ? 0 : 1);

/** One run of the suite. @throws when it wrote no report. */
async function runCritest({ kind, directory, socket, logTail }: Engine): Promise<readonly SpecResult[]> {
  const report = join(directory, "critest.json");
  rmSync(report, { force: true });
  const config = join(directory, "crictl.yaml");
  writeFileSync(config, "");
  const child = Bun.spawn(
    [
      join(programs, "critest"),
      `--config=${config}`,
      `--runtime-endpoint=unix://${socket}`,
      `--image-endpoint=unix://${socket}`,
      ...(kind === "crib" ? [`--nri-socket=${join(directory, "nri.sock")}`] : []),
      `--ginkgo.json-report=${report}`,
      "--ginkgo.no-color",
      // One at a time is said by saying nothing: the suite takes "1" for a wish to run in parallel, and refuses.
      ...(Number(values.parallel) > 1 ? [`--parallel=${values.parallel}`] : []),
      ...(values.focus === undefined ? [] : [`--ginkgo.focus=${values.focus}`]),
      ...(values.skip === undefined ? [] : [`--ginkgo.skip=${values.skip}`]),
    ],
    {
      cwd: directory,
      // With --parallel critest looks for its runner there.
      env: { ...process.env, PATH: [programs, process.env.PATH].join(delimiter) },
      stdin: "ignore",
      stdout: Bun.file(join(directory, "critest.log")),
      stderr: "ignore",
    },
  );
  await child.exited;
  if (!existsSync(report)) {
    const said = readFileSync(join(directory, "critest.log"), "utf8").slice(-2000);
    throw new Error(`critest wrote no report, exit ${child.exitCode}:\n${said}\n${logTail()}`);
  }
  return readSpecReport(readFileSync(report, "utf8")).toSorted((a, b) => a.name.localeCompare(b.name));
}
