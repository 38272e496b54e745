import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildImage, compressLayer } from "../../fixtures/image-builder.ts";
import { LayerBuilder } from "../../fixtures/layer-builder.ts";
import { buildStaticBinary } from "../../fixtures/static-binary.ts";
import { busyboxLayer } from "../../fixtures/test-images.ts";
import type { Engine, EngineKind } from "../../harness/engine.ts";
import { type Registry, sharedRegistry } from "../../harness/registry.ts";
import { say } from "../../harness/say.ts";
import { createEngine, selectedEngine } from "../../harness/select-engine.ts";
import { buildPeers } from "../../peers/build-peers.ts";
import { judge } from "../judge.ts";
import type { SpecResult } from "../spec-report.ts";
import { buildContainerdSuite } from "./build-containerd-suite.ts";

/** The tests that need nothing but the CRI, and neither Windows nor a machine to themselves. */
const overCri = [
  "TestContainerDrainExecIOAfterExit",
  "TestDuplicateName",
  "TestPodHostname",
  "TestTruncIndex",
  "TestVolumeCopyUp",
  "TestVolumeOwnership",
];

/** containerd's own CRI tests against the engine that `CRIB_TEST_ENGINE` names. @returns the exit code. */
export async function runContainerdSuite(): Promise<number> {
  try {
    const kind = selectedEngine();
    const program = buildContainerdSuite();
    return await visit(program, kind, kind === "containerd" ? { peers: buildPeers() } : {});
  } catch (error) {
    say(`FAIL  ${error instanceof Error ? error.message : String(error)}\n0 passed, 1 failed`);
    return 1;
  }
}

async function visit(program: string, kind: EngineKind, options: { readonly peers?: string }): Promise<number> {
  const registry = await sharedRegistry();
  const engine = createEngine(kind, { registry, ...options });
  try {
    await pushImages(registry, buildStaticBinary("pause", engine.directory));
    await engine.start();
    const { passed, failed } = judge("containerd-expected.md", kind, await run(program, engine), true);
    say(`${passed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } finally {
    await engine.destroy();
    await registry.stop();
  }
}

async function run(program: string, { socket, directory }: Engine): Promise<readonly SpecResult[]> {
  const flags = ["-test.v", "-test.timeout=10m", `-test.run=^(${overCri.join("|")})$`];
  const child = Bun.spawn([program, ...flags, `-cri-endpoint=unix://${socket}`], {
    cwd: directory,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await child.stdout.text();
  await child.exited;
  const results = readGoTests(output);
  if (results.length === 0) throw new Error(`no test has run, exit ${child.exitCode}:\n${output.slice(-2000)}`);
  return results;
}

/** Reads what `go test -v` prints: how each test ended, and for a failed one what it said. */
function readGoTests(output: string): readonly SpecResult[] {
  const words = { PASS: "passed", FAIL: "failed", SKIP: "skipped" } as const;
  return [...output.matchAll(/^ *--- (PASS|FAIL|SKIP): (\S+) /gm)].map(([, word = "FAIL", name = ""]) => ({
    name: name.replaceAll("_", " "),
    state: words[word as keyof typeof words],
    message: word === "FAIL" ? reason(output, name) : "",
  }));
}

function reason(output: string, name: string): string {
  const own = output.slice(output.indexOf(`=== RUN   ${name}\n`)).split(/^=== RUN /m)[1] ?? "";
  const at = own.search(/Error: /);
  return (at < 0 ? own.slice(-300) : own.slice(at, at + 300)).replace(/\s+/g, " ").trim();
}

/** Stand-ins for the suite's images, under its names (integration/images/image_list.go, 2.4). */
async function pushImages(registry: Registry, pause: Uint8Array): Promise<void> {
  const base = compressLayer(busyboxLayer(pause));
  const files = new LayerBuilder().dir("test_dir").file("test_dir/test_file", "test_content\n");
  files.dir(":colon_prefixed").file(":colon_prefixed/colon_prefixed_file", "test_content\n");
  files.dir("C:").dir("C:/weird_test_dir").file("C:/weird_test_dir/weird_test_file", "test_content\n");
  const owned = new LayerBuilder().dir("test_dir", { uid: 65534, gid: 65534 });
  const volumes = (...paths: string[]) => ({
    Cmd: ["sh"],
    Volumes: Object.fromEntries(paths.map((path) => [path, {}])),
  });
  const images = [
    ["containerd/busybox", "1.36", buildImage([base], { Cmd: ["sh"] })],
    ["pause", "3.10.2", buildImage([base], { Entrypoint: ["/bin/pause"] })],
    [
      "containerd/volume-copy-up",
      "2.2",
      buildImage([base, compressLayer(files.build())], volumes("/test_dir", "/:colon_prefixed", "/C:/weird_test_dir")),
    ],
    ["containerd/volume-ownership", "2.1", buildImage([base, compressLayer(owned.build())], volumes("/test_dir"))],
  ] as const;
  for (const [name, tag, image] of images) await registry.push(name, tag, image);
  for (const host of ["ghcr.io", "registry.k8s.io"]) {
    mkdirSync(join(registry.hostsDir, host), { recursive: true });
    const mirror = `[host."http://${registry.host}"]\ncapabilities = ["pull", "resolve"]\n`;
    writeFileSync(join(registry.hostsDir, host, "hosts.toml"), `server = "https://${host}"\n\n${mirror}`);
  }
}
