/**
 * `bun tests/kubelet-client/main.ts [--run RE] [--alone]`: the kubelet's own client code against a daemon of ours and
 * one of containerd, the same cases on both. `--alone` leaves containerd out.
 */
import { parseArgs } from "node:util";
import type { Engine } from "../harness/engine.ts";
import { sharedRegistry } from "../harness/registry.ts";
import { say } from "../harness/say.ts";
import { createEngine } from "../harness/select-engine.ts";
import { buildKubeletClient } from "./build-kubelet-client.ts";

const { values } = parseArgs({
  options: {
    run: { type: "string" },
    alone: { type: "boolean", default: false },
  },
});

let program: string;
try {
  program = buildKubeletClient();
} catch (error) {
  say(`FAIL  the kubelet's client cannot be built: ${error instanceof Error ? error.message : String(error)}`);
  say("0 passed, 1 failed");
  process.exit(1);
}

const registry = await sharedRegistry();
const engines: Engine[] = [];
let code = 1;
try {
  const kinds = values.alone ? (["crib"] as const) : (["crib", "containerd"] as const);
  for (const kind of kinds) {
    const engine = createEngine(kind, { registry, seenByCadvisor: true });
    engines.push(engine);
    await engine.start();
  }
  const child = Bun.spawn(
    [
      program,
      `--registry=${registry.host}`,
      ...engines.flatMap((engine) => engineFlags(engine)),
      ...(values.run === undefined ? [] : [`--run=${values.run}`]),
    ],
    { stdin: "ignore", stdout: "inherit", stderr: "inherit" },
  );
  code = await child.exited;
  for (const engine of engines) {
    if (!engine.running) {
      say(`${engine.kind} is no longer there:\n${engine.logTail()}`);
      code = 1;
    }
  }
} finally {
  for (const engine of engines) await engine.destroy();
  await registry.stop();
}
process.exit(code);

function engineFlags(engine: Engine): readonly string[] {
  return [
    `--${engine.kind}=unix://${engine.socket}`,
    `--${engine.kind}-dir=${engine.directory}`,
    `--${engine.kind}-cgroup=${engine.cgroupParent}`,
    `--${engine.kind}-pid=${engine.pid}`,
  ];
}
