import { beforeEach, describe, expect } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCli } from "../../src/cli/program/program.ts";
import { type CliResult, cli, createTestIo } from "../fixtures/cli-io.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed({ images: ["busybox"] });
let container: TestContainer;
/** These verbs speak the newest of the streaming protocols. */
const testCrib = onlyCrib("1.6 serves no v5.channel.k8s.io");

beforeEach(async () => {
  container = await bed.runIdle(await bed.runPod());
});

function crib(argv: readonly string[], stdin?: string): Promise<CliResult> {
  return cli(argv, { address: `unix://${bed.engine.socket}`, ...(stdin === undefined ? {} : { stdin }) });
}

const executable = process.env["CRIB_TEST_BINARY"] ?? join(import.meta.dir, "../../dist/crib");

/** The executable itself on a terminal of its own, made by script(1). */
function onTerminal(words: string, input = ""): { exitCode: number; out: string } {
  const run = Bun.spawnSync(["script", "-eqc", `${executable} ${words}`, "/dev/null"], {
    env: { ...process.env, CRIB_ADDRESS: `unix://${bed.engine.socket}`, TERM: "xterm" },
    stdin: Buffer.from(input),
  });
  // Two terminals, one in the other: each may put its own carriage return before a line feed. At the end of its input script(1) types
  // the outer one's end-of-file character, which is echoed as NUL when that terminal is raw just then.
  return { exitCode: run.exitCode, out: run.stdout.toString().replace(/\r+\n/g, "\n").replaceAll("^@", "") };
}

describe("crib exec", () => {
  testCrib("streams both outputs apart and exits as the command did", async () => {
    const run = await crib(["exec", container.id, "sh", "-c", "echo out; echo err >&2; exit 7"]);
    expect(run).toEqual({ exitCode: 7, out: "out\n", err: "err\n" });
  });

  testCrib("passes input on, and its end", async () => {
    expect(await crib(["exec", "-i", container.id, "wc", "-c"], "hello")).toEqual({ exitCode: 0, out: "5\n", err: "" });
  });

  testCrib("127 for a command that is not there, 126 for what is no program", async () => {
    expect((await crib(["exec", container.id, "no-such"])).exitCode).toBe(127);
    expect((await crib(["exec", container.id, "/etc/passwd"])).exitCode).toBe(126);
  });

  testCrib("more than any buffer holds goes both ways at once, whole", async () => {
    const bytes = randomBytes(32 << 20);
    const run = Bun.spawnSync([executable, "exec", "-i", container.id, "cat"], {
      env: { ...process.env, CRIB_ADDRESS: `unix://${bed.engine.socket}` },
      stdin: bytes,
      maxBuffer: 64 << 20,
    });
    const sum = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");
    expect({ exitCode: run.exitCode, sum: sum(run.stdout) }).toEqual({ exitCode: 0, sum: sum(bytes) });
  });

  testCrib("-it gives it a terminal", async () => {
    const run = onTerminal(`exec -it ${container.id} sh -c 'tty; exit 3'`);
    expect(run.exitCode).toBe(3);
    expect(run.out).toContain("/dev/pts/0");
  });
});

describe("crib run", () => {
  testCrib("-i feeds it and loses nothing of what it says before", async () => {
    const image = bed.registry.reference("busybox");
    const run = await crib(["run", "-q", "-i", image, "sh", "-c", "echo start; cat; exit 4"], "data\n");
    expect(run).toEqual({ exitCode: 4, out: "start\ndata\n", err: "" });
  });

  testCrib("-it from its first byte, even when it ends at once", async () => {
    const run = onTerminal(`run -q -it ${bed.registry.reference("busybox")} sh -c 'echo hi; tty; exit 4'`);
    expect(run.exitCode).toBe(4);
    expect(run.out).toMatch(/hi\n.*\/dev\/pts\/0\n/);
  });
});

describe("crib debug", () => {
  testCrib("sees the container's processes and files with another image's tools, and is gone afterwards", async () => {
    const image = bed.registry.reference("busybox");
    const run = onTerminal(
      `debug --image ${image} ${container.id} sh -c 'cat /proc/1/comm; ls /proc/1/root/bin/pause; exit 5'`,
    );
    expect(run.exitCode).toBe(5);
    expect(run.out).toContain("pause\n/proc/1/root/bin/pause\n");
    const { containers } = await bed.cri.runtime.listContainers({});
    expect(containers.map(({ id }) => id)).toEqual([container.id]);
  });
});

describe("crib cp", () => {
  testCrib("a file goes in and comes out again", async () => {
    const path = join(bed.engine.directory, "payload");
    const bytes = randomBytes(3 << 20);
    writeFileSync(path, bytes);
    expect((await crib(["cp", path, `${container.id}:/tmp/`])).exitCode).toBe(0);
    const sum = createHash("sha256").update(bytes).digest("hex");
    expect((await crib(["exec", container.id, "sha256sum", "/tmp/payload"])).out).toContain(sum);
    expect((await crib(["cp", "-q", `${container.id}:/tmp/payload`, `${path}.back`])).err).toBe("");
    expect(readFileSync(`${path}.back`).equals(bytes)).toBe(true);
  });

  testCrib("a container's link cannot point at the host's files", async () => {
    const secret = join(bed.engine.directory, "secret");
    writeFileSync(secret, "of the host");
    await crib(["exec", container.id, "ln", "-s", bed.engine.directory, "/tmp/out"]);
    const run = await crib(["cp", `${container.id}:/tmp/out/secret`, join(bed.engine.directory, "stolen")]);
    expect(run).toMatchObject({ exitCode: 1, err: expect.stringContaining("ENOENT") });
  });
});

testCrib("crib top shows a container's processes, its execs' among them", async () => {
  const io = createTestIo({ address: `unix://${bed.engine.socket}` });
  const sleeping = runCli(["exec", container.id, "sleep", "1000"], io);
  await waitUntil(async () => (await crib(["top", "--once", container.id])).out.includes("sleep 1000"), {
    what: "the exec shows",
  });
  const { out } = await crib(["top", "--json", container.id]);
  const rows = JSON.parse(out) as { innerPid: number; command: string }[];
  expect(rows.find(({ innerPid }) => innerPid === 1)?.command).toContain("pause");
  io.interrupt();
  expect(await sleeping).toBe(130);
  await waitUntil(async () => !(await crib(["top", "--once", container.id])).out.includes("sleep"), {
    what: "the exec is gone",
  });
});

testCrib("crib port-forward leads into the pod until Ctrl-C", async () => {
  await crib([
    "exec",
    container.id,
    "sh",
    "-c",
    "mkdir -p /www; echo page >/www/index.html; httpd -p 127.0.0.1:8080 -h /www",
  ]);
  const io = createTestIo({ address: `unix://${bed.engine.socket}` });
  const forwarding = runCli(["port-forward", container.id, ":8080", ":9999"], io);
  await waitUntil(() => /-> 9999/.test(io.out), { what: "it listens" });
  const [, open, , shut] = io.out.match(/^127\.0\.0\.1:(\d+) -> 8080\n(.*\n)?127\.0\.0\.1:(\d+) -> 9999/m) ?? [];
  expect(await (await fetch(`http://127.0.0.1:${open}/`)).text()).toBe("page\n");
  await fetch(`http://127.0.0.1:${shut}/`).catch(() => undefined);
  await waitUntil(() => io.err.includes("connection refused"), { what: "the refusal is told" });
  io.interrupt();
  expect(await forwarding).toBe(0);
});
