/** `bun tests/smoke/main.ts [--client]`: a pod's life through crictl against a daemon of its own; exits 1 on any failure. */
import { parseArgs } from "node:util";
import { hostSnapshot } from "../harness/host-snapshot.ts";
import { sharedRegistry } from "../harness/registry.ts";
import { say } from "../harness/say.ts";
import { createEngine, selectedEngine } from "../harness/select-engine.ts";
import { clientDriver } from "./client-driver.ts";
import { crictlDriver } from "./crictl-driver.ts";
import { runScript } from "./script.ts";

const { values } = parseArgs({ options: { client: { type: "boolean", default: false } } });
const registry = await sharedRegistry();
const engine = createEngine(selectedEngine(), { registry });
let failed = 1;
try {
  const before = hostSnapshot(engine);
  await engine.start();
  const crictl = values.client ? null : Bun.which("crictl");
  if (crictl === null && !values.client)
    say("crictl is not on PATH (kubernetes-sigs/cri-tools has it): using the project's own client");
  const driver = crictl === null ? clientDriver(engine.cri) : crictlDriver(crictl, engine.socket, engine.directory);
  say(`smoke of ${engine.kind} through ${driver.name}\n`);
  const { imageId } = registry.image("busybox");
  const results = await runScript({ driver, engine, reference: registry.reference("busybox"), imageId, before });
  for (const { step, tookMs, error } of results) {
    const verdict = error === undefined ? "ok  " : "FAIL";
    say(`${verdict}  ${step.padEnd(20)} ${tookMs.toFixed(0).padStart(6)} ms${error === undefined ? "" : `  ${error}`}`);
  }
  failed = results.filter((result) => result.error !== undefined).length;
  if (failed > 0) say(`\nthe daemon's last words:\n${engine.logTail(20)}`);
  say(`\n${results.length - failed} passed, ${failed} failed`);
} finally {
  await engine.destroy();
  await registry.stop();
}
process.exit(failed === 0 ? 0 : 1);
