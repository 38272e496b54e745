/** `bun tests/conformance/main.ts [--focus RE] [--skip RE]`: the CRI project's own suite against a daemon of ours. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildStaticBinary, type ProgramName } from "../fixtures/static-binary.ts";
import { sharedRegistry } from "../harness/registry.ts";
import { say } from "../harness/say.ts";
import { createEngine, selectedEngine } from "../harness/select-engine.ts";
import { mirroredHosts, pushCritestImages } from "./critest-images.ts";
import { compareWithExpected, readExpected } from "./expected.ts";
import { readSpecReport } from "./spec-report.ts";

const { values } = parseArgs({ options: { focus: { type: "string" }, skip: { type: "string" } } });
const critest = Bun.which("critest");
if (critest === null) {
  say("skipped: critest is not on PATH (kubernetes-sigs/cri-tools has it)");
  say("0 passed, 0 failed");
  process.exit(0);
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
  const report = join(engine.directory, "critest.json");
  const config = join(engine.directory, "crictl.yaml");
  writeFileSync(config, "");
  const child = Bun.spawn(
    [
      critest,
      `--config=${config}`,
      `--runtime-endpoint=unix://${engine.socket}`,
      `--image-endpoint=unix://${engine.socket}`,
      `--ginkgo.json-report=${report}`,
      "--ginkgo.no-color",
      ...(values.focus === undefined ? [] : [`--ginkgo.focus=${values.focus}`]),
      ...(values.skip === undefined ? [] : [`--ginkgo.skip=${values.skip}`]),
    ],
    {
      cwd: engine.directory,
      stdin: "ignore",
      stdout: Bun.file(join(engine.directory, "critest.log")),
      stderr: "ignore",
    },
  );
  await child.exited;
  if (!existsSync(report)) throw new Error(`critest wrote no report, exit ${child.exitCode}:\n${engine.logTail()}`);
  const results = readSpecReport(readFileSync(report, "utf8")).toSorted((a, b) => a.name.localeCompare(b.name));
  const marks = { passed: "ok   ", failed: "FAIL ", skipped: "skip " } as const;
  for (const { name, state, message } of results)
    say(`${marks[state]} ${name}${message === "" ? "" : `\n        ${message}`}`);
  const count = (state: keyof typeof marks): number => results.filter((result) => result.state === state).length;
  say(`\n${engine.kind}: ${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
  const expected = readExpected(readFileSync(join(import.meta.dir, "expected.md"), "utf8"));
  const whole = values.focus === undefined && values.skip === undefined;
  const { surprises, understood } = compareWithExpected(results, expected, engine.kind, whole);
  for (const surprise of surprises) say(`not as expected.md says: ${surprise}`);
  failed = surprises.length;
  say(`${count("passed") + understood} passed or as expected, ${failed} not`);
  say(`${count("passed")} passed, ${failed} failed`);
} finally {
  await engine.destroy();
  await registry.stop();
}
process.exit(failed === 0 ? 0 : 1);
