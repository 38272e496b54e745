import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Errno } from "../../src/errors/errno.ts";
import { parseHostPath } from "../../src/ids/path.ts";
import { monitorErrorOf, openMonitorBed, parseLog, sh } from "../harness/monitor-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: what workloads write, in the CRI's log files. */
const bed = openMonitorBed();
afterEach(() => bed.shutdownAll());
afterAll(() => bed.remove());

describe("the log", () => {
  test("keeps both streams, bytes and unfinished last lines", async () => {
    const pod = await bed.openPod();
    const started = await bed.start(pod, {
      argv: sh("printf 'one\\n\\r\\n'; echo two >&2; printf 'a\\tb\\000c\\nlast'"),
    });
    await started.exit();
    const lines = await waitUntil(
      () => {
        const all = started.lines();
        return all.length >= 5 && all;
      },
      { what: "five lines" },
    );
    expect(lines.filter(({ stream }) => stream === "stdout").map(({ text }) => text)).toEqual([
      "one",
      "\r",
      "a\tb\0c",
      "last",
    ]);
    expect(lines.filter(({ stream }) => stream === "stderr").map(({ text }) => text)).toEqual(["two"]);
    // The last one never got its line feed: who puts the log together again must not add one.
    expect(lines.filter(({ tag }) => tag === "P").map(({ text }) => text)).toEqual(["last"]);
    expect(statSync(started.logPath).mode & 0o777).toBe(0o640);
  });

  test("cuts lines at 16 KiB into P and F", async () => {
    const pod = await bed.openPod();
    for (const [length, pieces] of [
      [16_383, ["F16383"]],
      [16_384, ["F16384"]],
      [16_385, ["P16384", "F1"]],
      [40_000, ["P16384", "P16384", "F7232"]],
    ] as const) {
      const started = await bed.start(pod, {
        argv: sh(`busybox head -c ${length} /dev/zero | busybox tr '\\000' x; echo`),
      });
      await started.exit();
      expect(started.lines().map(({ tag, text }) => `${tag}${text.length}`)).toEqual([...pieces]);
    }
  });

  test("is reopened without losing or splitting a line", async () => {
    const pod = await bed.openPod();
    const count = 20_000;
    const started = await bed.start(pod, {
      argv: sh(`i=0; while [ $i -lt ${count} ]; do echo line $i; i=$((i+1)); done`),
    });
    const rotated: string[] = [];
    while (pod.exits.length === 0) {
      const name = `${started.logPath}.${rotated.length}`;
      renameSync(started.logPath, name);
      rotated.push(name);
      await pod.monitor.reopenLog(started.id);
    }
    const all = [...rotated, started.logPath].map((path) => readFileSync(path, "utf8"));
    expect(rotated.length).toBeGreaterThan(2);
    const texts = all.flatMap((text) => parseLog(text).map((line) => line.text));
    expect(texts).toEqual(Array.from({ length: count }, (_, index) => `line ${index}`));
  });

  test("on a full disk drops whole lines, counts them and never holds the workload", async () => {
    const pod = await bed.openPod();
    const small = join(bed.path, "small");
    mkdirSync(small);
    bed.kernel.mount("tmpfs", small, "tmpfs", 0, "size=256k");
    try {
      const logPath = parseHostPath(join(small, "full.log"));
      const started = await bed.start(
        pod,
        { argv: sh("i=0; while [ $i -lt 40000 ]; do echo a line of some length $i; i=$((i+1)); done; exit 5") },
        { logPath },
      );
      expect((await started.exit()).exitCode).toBe(5);
      const listed = (await pod.monitor.list()).find(({ id }) => id === started.id);
      const text = readFileSync(logPath, "utf8");
      expect(text.endsWith("\n")).toBe(true);
      const lines = parseLog(text);
      expect(lines.length).toBeGreaterThan(1000);
      const written = lines.reduce((sum, line) => sum + line.text.length, 0);
      const total = Array.from({ length: 40_000 }, (_, index) => `a line of some length ${index}`.length).reduce(
        (a, b) => a + b,
      );
      expect(listed?.droppedLogBytes).toBe(BigInt(total - written));
    } finally {
      bed.kernel.umount(small, 2);
    }
  });

  test("is neither a link nor a fifo", async () => {
    const pod = await bed.openPod();
    const target = join(pod.directory, "target");
    writeFileSync(target, "");
    for (const make of [["ln", "-s", target], ["mkfifo"]] as const) {
      const path = join(pod.directory, make[0]);
      Bun.spawnSync([...make, path]);
      const error = await monitorErrorOf(bed.start(pod, { argv: ["/hello"] }, { logPath: parseHostPath(path) }));
      expect([Errno.ELOOP, Errno.ENXIO, Errno.EINVAL]).toContain(error.failure.errno as never);
    }
    expect(readFileSync(target, "utf8")).toBe("");
  });
});
