/**
 * `bun suite.ts PROGRAMS [--focus RE] [--skip RE] [--parallel N] [--keep DIRECTORY]`: the node suite's run, on a host of its own; started by
 * run-node-suite.ts. `--keep`: where Ginkgo's report and the logs of suite, kubelet and engine are put afterwards.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { buildStaticBinary } from "../../fixtures/static-binary.ts";
import type { Engine } from "../../harness/engine.ts";
import { sharedRegistry } from "../../harness/registry.ts";
import { say } from "../../harness/say.ts";
import { createEngine, selectedEngine } from "../../harness/select-engine.ts";
import { judge } from "../judge.ts";
import { readSpecReport, type SpecResult } from "../spec-report.ts";
import { mirrorToRegistry, pushNodeImages } from "./node-images.ts";

/** The suite's own conformance specs, without those that Kubernetes itself does not trust. */
const CONFORMANCE = "\\[NodeConformance\\]";
const NEVER = "\\[Flaky\\]";

/** Kubernetes' own for this suite (test/e2e_node/jenkins/default-kubelet-config.yaml), on version 1 of control groups too. */
const kubeletConfiguration = {
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  cgroupDriver: "cgroupfs",
  cgroupRoot: "/",
  podCIDR: "10.100.0.0/24",
  volumeStatsAggPeriod: "10s",
  fileCheckFrequency: "10s",
  evictionPressureTransitionPeriod: "30s",
  evictionHard: { "memory.available": "250Mi", "nodefs.available": "10%", "nodefs.inodesFree": "5%" },
  evictionMinimumReclaim: { "nodefs.available": "5%", "nodefs.inodesFree": "5%" },
  serializeImagePulls: false,
  failCgroupV1: false,
  failSwapOn: false,
};

const { values, positionals } = parseArgs({
  options: {
    focus: { type: "string" },
    skip: { type: "string" },
    parallel: { type: "string", default: "4" },
    keep: { type: "string" },
  },
  allowPositionals: true,
});
const [programs = ""] = positionals;
const isWhole = values.focus === undefined && values.skip === undefined;

const registry = await sharedRegistry();
const engine = createEngine(selectedEngine(), { registry, seenByCadvisor: true, stateInMemory: true });
let failed = 1;
try {
  const program = (name: "pause" | "web" | "show-euid"): Uint8Array => buildStaticBinary(name, engine.directory);
  await pushNodeImages(registry, {
    pause: program("pause"),
    web: program("web"),
    showEuid: program("show-euid"),
    agnhost: readFileSync(join(programs, "agnhost")),
  });
  mirrorToRegistry(registry);
  mkdirSync("/run/containerd");
  symlinkSync(engine.socket, "/run/containerd/containerd.sock");
  await engine.start();
  const results = (await runSuite(engine)).filter(isAsked);
  const judged = judge("node-expected.md", engine.kind, results, isWhole);
  failed = judged.failed;
  say(`${judged.passed} passed, ${failed} failed`);
} finally {
  if (values.keep !== undefined) keep(values.keep, engine.directory);
  await engine.destroy();
  await registry.stop();
}
process.exit(failed === 0 ? 0 : 1);

/** A report has every spec of the binary, most of them not asked for. */
function isAsked({ name, state }: SpecResult): boolean {
  return state !== "skipped" || (isWhole && new RegExp(CONFORMANCE).test(name) && !new RegExp(NEVER).test(name));
}

/** One run of the suite. @throws when it wrote no report. */
async function runSuite({ directory, socket, logTail }: Engine): Promise<readonly SpecResult[]> {
  const report = join(directory, "reports", "node.json");
  mkdirSync(join(directory, "reports"));
  const config = join(directory, "kubelet.json");
  writeFileSync(config, JSON.stringify(kubeletConfiguration));
  const log = join(directory, "node-suite.log");
  // The suite writes its files beside its program, and looks for the kubelet there.
  for (const name of ["e2e_node.test", "kubelet"]) symlinkSync(join(programs, name), join(directory, name));
  const child = Bun.spawn(
    [
      "sh",
      "-c",
      'exec "$0" "$@" >"$LOG" 2>&1',
      join(programs, "ginkgo"),
      `--procs=${values.parallel}`,
      "--timeout=4h",
      "--no-color",
      "--output-dir=reports",
      "--json-report=node.json",
      `--focus=${values.focus ?? CONFORMANCE}`,
      `--skip=${values.skip ?? NEVER}`,
      join(directory, "e2e_node.test"),
      "--",
      `--container-runtime-endpoint=unix://${socket}`,
      `--kubelet-config-file=${config}`,
      "--node-name=node",
      "--prepull-images=false",
      `--report-dir=${directory}`,
    ],
    { cwd: directory, env: { ...process.env, LOG: log }, stdin: "ignore", stdout: "ignore", stderr: "ignore" },
  );
  await child.exited;
  if (!existsSync(report)) {
    const said = readFileSync(log, "utf8").slice(-4000);
    throw new Error(`the node suite wrote no report, exit ${child.exitCode}:\n${said}\n${logTail()}`);
  }
  return readSpecReport(readFileSync(report, "utf8")).toSorted((a, b) => a.name.localeCompare(b.name));
}

function keep(target: string, directory: string): void {
  mkdirSync(target, { recursive: true });
  for (const path of ["reports/node.json", "node-suite.log", "kubelet.log", "services.log", "daemon.log"]) {
    if (existsSync(join(directory, path))) copyFileSync(join(directory, path), join(target, basename(path)));
  }
}
