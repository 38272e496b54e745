import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { logText, readCriLog } from "../harness/cri-log.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const LINE_BYTES = 16 * 1024;

/** Runs a script to its end and waits until its last line `__end__` is in the log. */
async function logged(script: string): Promise<TestContainer> {
  const container = await bed.run(await bed.runPod(), { command: ["sh", "-c", `${script}\necho __end__`] });
  await container.waitExit();
  await container.waitLog("__end__");
  return container;
}

onlyCrib("follow it")(
  "a directory of the log exchanged for a link between create and start leads the log nowhere",
  async () => {
    const pod = await bed.runPod();
    const container = await bed.create(pod, { logPath: "its/own/file", command: ["echo", "written outside"] });
    const directory = join(pod.config.logDirectory ?? "", "its");
    const outside = join(bed.engine.directory, "outside");
    mkdirSync(join(outside, "own"), { recursive: true });
    renameSync(directory, `${directory}.aside`);
    symlinkSync(outside, directory);
    expect(await codeOf(container.start())).not.toBe("OK");
    expect(readdirSync(join(outside, "own"))).toEqual([]);
  },
);

test("a log directory behind links is written and reopened", async () => {
  const real = join(bed.engine.directory, "real-logs");
  const logDirectory = join(bed.engine.directory, "linked-logs");
  mkdirSync(real);
  symlinkSync(real, logDirectory);
  const container = await bed.run(await bed.runPod({ logDirectory }), {
    logPath: "its/file",
    command: ["echo", "well"],
  });
  await container.waitExit();
  await container.waitLog("well");
  expect(readFileSync(join(real, "its/file"), "utf8")).toContain("stdout F well");
  expect((await container.status()).logPath).toBe(join(logDirectory, "its/file"));
});

onlyCrib("opens it through the link")(
  "a log directory that was missing when the pod was made, and is a link when its container starts, is not followed",
  async () => {
    const logDirectory = join(bed.engine.directory, "late-logs");
    const elsewhere = join(bed.engine.directory, "elsewhere");
    mkdirSync(elsewhere);
    const pod = await bed.runPod({ logDirectory });
    const container = await bed.create(pod, { logPath: "0.log", command: ["echo", "astray"] });
    rmSync(logDirectory, { recursive: true });
    symlinkSync(elsewhere, logDirectory);
    expect(await container.start().catch((error: unknown) => String(error))).toContain("0.log");
    expect(readdirSync(elsewhere)).toEqual([]);
  },
);

describe("the log file", () => {
  test("has a line per line, with time and stream, in the CRI format", async () => {
    const earliest = Date.now() - 1_000;
    const container = await logged("echo one; echo two >&2; echo; echo 'ünï \t\"code\"'");
    const lines = container.log();
    const out = lines.filter((line) => line.stream === "stdout").map((line) => line.content);
    expect(out).toEqual(["one", "", 'ünï \t"code"', "__end__"]);
    expect(lines.filter((line) => line.stream === "stderr").map((line) => line.content)).toEqual(["two"]);
    expect(lines.every((line) => line.tag === "F")).toBe(true);
    for (const line of lines) expect(Date.parse(line.timestamp)).toBeWithin(earliest, Date.now() + 1_000);
  });

  test("splits long lines into parts that join to the same bytes", async () => {
    const length = 3 * LINE_BYTES + 77;
    const container = await logged(`head -c ${length} /dev/zero | tr '\\0' x; echo`);
    const parts = container.log().filter((line) => line.content.startsWith("x"));
    expect(parts.slice(0, -1).every((line) => line.tag === "P")).toBe(true);
    expect(parts.at(-1)?.tag).toBe("F");
    expect(parts.every((line) => line.content.length <= LINE_BYTES)).toBe(true);
    expect(container.text()).toBe(`${"x".repeat(length)}\n__end__\n`);
  });

  test("keeps the last line even without a newline", async () => {
    const container = await bed.run(await bed.runPod(), { command: ["printf", "no newline"] });
    await container.waitExit();
    await container.waitLog("no newline");
    expect(container.log().at(-1)?.content).toBe("no newline");
  });

  const lotOfLines = "seq 1 100000; echo __end__";
  const expectAllLines = async (container: TestContainer): Promise<void> => {
    await container.waitLog("__end__", 30_000);
    const numbers = container.text().split("\n").slice(0, -2);
    expect(numbers).toHaveLength(100_000);
    expect(numbers.every((text, index) => text === String(index + 1))).toBe(true);
  };

  test("loses nothing of a lot", async () => {
    await expectAllLines(await bed.run(await bed.runPod(), { command: ["sh", "-c", `${lotOfLines}; exec pause`] }));
  });

  onlyCrib("drops what is unread when the process ends")(
    "loses nothing of a lot written just before the end",
    async () => {
      const container = await bed.run(await bed.runPod(), { command: ["sh", "-c", lotOfLines] });
      await container.waitExit();
      await expectAllLines(container);
    },
  );

  test("keeps streams apart when both are busy", async () => {
    const container = await logged("(seq 1 20000 >&2) & seq 1 20000; wait; sleep 2");
    const expected = Array.from({ length: 20_000 }, (_, index) => String(index + 1));
    expect(container.text("stderr").trim().split("\n")).toEqual(expected);
    expect(container.text("stdout").trim().split("\n").slice(0, -1)).toEqual(expected);
  });

  test("of a container without a log path is nowhere, and the workload does not mind", async () => {
    const container = await bed.run(await bed.runPod(), { command: ["sh", "-c", "seq 1 100000; exit 3"], logPath: "" });
    expect((await container.waitExit()).exitCode).toBe(3);
  });

  test("is made with its directories", async () => {
    const container = await bed.run(await bed.runPod(), { command: ["echo", "deep"], logPath: "a/b/c.log" });
    await container.waitExit();
    expect(await container.waitLog("deep")).toBe("deep\n");
  });
});

describe("rotation", () => {
  const reopen = (container: TestContainer) => bed.cri.runtime.reopenContainerLog({ containerId: container.id });

  test("loses no line, whenever it happens", async () => {
    const script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo $i; done; echo __end__; sleep 2";
    const container = await bed.run(await bed.runPod(), { command: ["sh", "-c", script] });
    const rotated: string[] = [];
    await container.waitLog(/^\d/m);
    for (let round = 0; round < 5 && (await container.status()).finishedAt === 0n; round++) {
      const aside = `${container.logPath}.${round}`;
      renameSync(container.logPath, aside);
      if ((await codeOf(reopen(container))) !== "OK") break;
      rotated.push(aside);
      await Bun.sleep(20);
    }
    await container.waitExit();
    const all = (): string => [...rotated, container.logPath].map((path) => logText(readCriLog(path))).join("");
    await waitUntil(() => all().includes("__end__"), { what: "the last line is written" });
    const numbers = all().trim().split("\n").slice(0, -1);
    expect(rotated.length).toBeGreaterThan(0);
    expect(numbers).toHaveLength(20_000);
    expect(numbers.every((text, index) => text === String(index + 1))).toBe(true);
  });

  test("makes the new file at once", async () => {
    const container = await bed.runIdle(await bed.runPod());
    renameSync(container.logPath, `${container.logPath}.1`);
    await reopen(container);
    expect(existsSync(container.logPath)).toBe(true);
  });

  test("of what does not run is refused", async () => {
    const container = await bed.run(await bed.runPod(), { command: ["true"] });
    await container.waitExit();
    expect(await codeOf(reopen(container))).not.toBe("OK");
    expect(await codeOf(bed.cri.runtime.reopenContainerLog({ containerId: "c".repeat(64) }))).toBe("NotFound");
  });
});

describe("a full disk", () => {
  onlyCrib("stops reading a stream whose log cannot be written")(
    "never blocks the workload, and logging goes on when there is room",
    async () => {
      const logDirectory = join(bed.engine.directory, "tiny");
      mkdirSync(logDirectory);
      Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=64k", "tiny", logDirectory]);
      try {
        const pod = await bed.runPod({ logDirectory });
        const script =
          "seq 1 100000; echo wrote everything > /tmp/done; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo __after__; exit 6";
        const container = await bed.run(pod, { command: ["sh", "-c", script] });
        await waitUntil(async () => (await container.sh("cat /tmp/done")) === "wrote everything", {
          what: "the workload is not blocked",
        });
        expect(statfsSync(logDirectory).bavail).toBe(0);
        Bun.spawnSync(["mount", "-o", "remount,size=4m", logDirectory]);
        await container.sh("touch /tmp/go");
        expect((await container.waitExit()).exitCode).toBe(6);
        await waitUntil(() => readFileSync(container.logPath, "utf8").includes("__after__"), {
          what: "the log goes on",
        });
      } finally {
        Bun.spawnSync(["umount", "-l", logDirectory]);
      }
    },
  );
});
