import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cribBinary } from "../harness/crib-engine.ts";
import { type EnginePlace, openEnginePlace } from "../harness/engine-place.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** A socket in containerd's place, asked by containerd's own client: Debian's, which the reference engine of these tests comes with. */

let place: EnginePlace;
let daemon: Bun.Subprocess;
let socket = "";
beforeAll(async () => {
  place = openEnginePlace("crib");
  socket = join(place.directory, "containerd.sock");
  mkdirSync(join(place.directory, "no-cni"));
  const logFile = join(place.directory, "log");
  const settings = [
    `cni.config_dir=${place.directory}/no-cni`,
    `network.bridge=${place.bridge}`,
    `network.subnet=${place.subnet}`,
  ];
  daemon = Bun.spawn(
    [
      cribBinary(),
      "serve",
      ...["--root", place.root, "--state", place.state, "--listen", `unix://${socket}`],
      ...settings.flatMap((setting) => ["--set", setting]),
    ],
    { cwd: "/", stdin: "ignore", stdout: Bun.file(logFile), stderr: Bun.file(logFile) },
  );
  await waitUntil(() => readFileSync(logFile, "utf8").includes(" ready "), { what: "the ready line" });
});
afterAll(async () => {
  daemon.kill("SIGTERM");
  await daemon.exited;
  place.clear();
});

async function ctr(
  ...args: string[]
): Promise<{ readonly code: number; readonly lines: string[]; readonly err: string }> {
  const child = Bun.spawn(["ctr", "--address", socket, ...args], { stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, lines: out.trimEnd().split("\n"), err };
}

test.each([
  [["version"], /^ {2}UUID: [0-9a-f-]{36}$/],
  [["namespaces", "ls"], /^k8s\.io/],
  [["-n", "k8s.io", "images", "ls", "-q"], /^crib\.local\/hello:latest$/],
  [["-n", "k8s.io", "images", "ls", "-q", "name~=hello"], /^crib\.local\/hello@sha256:[0-9a-f]{64}$/],
  [["-n", "k8s.io", "containers", "ls"], /^CONTAINER/],
  [["-n", "k8s.io", "tasks", "ls"], /^TASK/],
])("ctr %p", async (args, expected) => {
  const { code, lines, err } = await ctr(...args);
  expect([code, err.replaceAll(/^WARNING: .*$/gm, "").trim()]).toEqual([0, ""]);
  expect(lines.filter((line) => expected.test(line))).toHaveLength(1);
});

test("ctr is told what it cannot have here, and by whom", async () => {
  const { code, err } = await ctr("-n", "k8s.io", "images", "pull", "docker.io/library/none:1");
  expect([code, err.includes("crib serves a part of containerd's API")]).toEqual([1, true]);
});
