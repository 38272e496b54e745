import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
/** The largest message that the kubelet and crictl accept. */
const CLIENT_LIMIT_BYTES = 16 * 1024 * 1024;

/** Whether any process of the host has this in its command line. */
function isRunning(marker: string): boolean {
  return readdirSync("/proc").some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(marker);
    } catch (error) {
      if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
        return false;
      throw error;
    }
  });
}

describe("ExecSync", () => {
  test("tells output, error output and exit code", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const rows = [
      { cmd: ["true"], stdout: "", stderr: "", exitCode: 0 },
      { cmd: ["sh", "-c", "echo out; echo err >&2; exit 3"], stdout: "out\n", stderr: "err\n", exitCode: 3 },
      { cmd: ["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], stdout: "", exitCode: 137 },
      { cmd: ["printf", "%s", "no newline"], stdout: "no newline", stderr: "", exitCode: 0 },
      { cmd: ["cat"], stdout: "", stderr: "", exitCode: 0 },
    ];
    for (const { cmd, ...expected } of rows) expect(await container.exec(cmd)).toMatchObject(expected);
  });

  test("one ended by a signal has 128 + its number", async () => {
    const container = await bed.runIdle(await bed.runPod());
    expect((await container.exec(["sh", "-c", "kill -9 $$"])).exitCode).toBe(137);
  });

  test("sees what the container sees", async () => {
    const envs = [{ key: "MARK", value: new TextEncoder().encode("here") }];
    const container = await bed.runIdle(await bed.runPod({ hostname: "inside" }), { envs, workingDir: "/work" });
    expect(await container.sh("echo $MARK $(hostname) $(pwd)")).toBe("here inside /work");
    const own = readFileSync(`/proc/${await container.pid()}/cgroup`, "utf8").match(/:memory:(.*)/)?.[1] ?? "";
    expect(await container.sh("grep :memory: /proc/self/cgroup")).not.toBe("");
    expect(own).toContain(container.id);
  });

  test("of a command that is not there fails or says 126 or 127, and harms nothing", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const work = container.exec(["/no/such/command"]);
    expect(await work.then(({ exitCode }) => exitCode).catch(() => 127)).toBeOneOf([126, 127]);
    expect(await container.sh("echo alive")).toBe("alive");
  });

  test("keeps big outputs whole, on both streams at once", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const script = "head -c 3000000 /dev/zero | tr '\\0' o; head -c 2000000 /dev/zero | tr '\\0' e >&2";
    const { stdout, stderr } = await container.exec(["sh", "-c", script]);
    expect([stdout.length, stderr.length]).toEqual([3_000_000, 2_000_000]);
    expect(/^o*$/.test(stdout) && /^e*$/.test(stderr)).toBe(true);
  });

  onlyCrib("its reply is larger than any client accepts")(
    "caps an endless output so that clients can still read the reply",
    async () => {
      const container = await bed.runIdle(await bed.runPod());
      const flood = `head -c ${CLIENT_LIMIT_BYTES + 4_000_000} /dev/zero`;
      const { stdout, stderr, exitCode } = await container.exec(["sh", "-c", `${flood}; ${flood} >&2; exit 4`], 60);
      expect(exitCode).toBe(4);
      expect(stdout.length).toBeGreaterThan(CLIENT_LIMIT_BYTES / 4);
      expect(stderr.length).toBeGreaterThan(CLIENT_LIMIT_BYTES / 4);
      expect(stdout.length + stderr.length).toBeLessThan(CLIENT_LIMIT_BYTES - 64);
    },
  );

  test("many at once each get their own answer", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const numbers = Array.from({ length: 24 }, (_, index) => index);
    const answers = await Promise.all(
      numbers.map((number) => container.exec(["sh", "-c", `echo ${number}; exit ${number}`], 60)),
    );
    expect(answers.map(({ stdout, exitCode }) => [stdout, exitCode])).toEqual(
      numbers.map((number) => [`${number}\n`, number]),
    );
  });
});

describe("the timeout of ExecSync", () => {
  test("ends the command and says DeadlineExceeded", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const start = performance.now();
    expect(await codeOf(container.exec(["sleep", "3600.25"], 1))).toBe("DeadlineExceeded");
    expect(performance.now() - start).toBeWithin(950, 8_000);
    await waitUntil(() => !isRunning("3600.25"), { what: "the sleep is gone" });
    expect(await container.sh("echo alive")).toBe("alive");
  });

  onlyCrib("kills only the first process")("ends everything the command started, in whatever session", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const script = "sleep 3600.5 & setsid sleep 3600.5 & (sleep 3600.5 &) ; wait";
    expect(await codeOf(container.exec(["sh", "-c", script], 1))).toBe("DeadlineExceeded");
    await waitUntil(() => !isRunning("3600.5"), { what: "every sleep is gone" });
    expect(await container.sh("echo alive")).toBe("alive");
  });

  onlyCrib("waits for the inherited pipe")("is kept although a child holds the output open", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const start = performance.now();
    await codeOf(container.exec(["sh", "-c", "sleep 3600.75 & exit 0"], 2));
    expect(performance.now() - start).toBeLessThan(8_000);
  });
});

describe("ExecSync into what does not run", () => {
  test("is refused", async () => {
    const pod = await bed.runPod();
    const created = await bed.create(pod);
    expect(await codeOf(created.exec(["true"]))).not.toBe("OK");
    const ended = await bed.run(pod, { command: ["true"] });
    await ended.waitExit();
    expect(await codeOf(ended.exec(["true"]))).not.toBe("OK");
    expect(await codeOf(bed.cri.runtime.execSync({ containerId: "b".repeat(64), cmd: ["true"] }))).toBe("NotFound");
  });

  test("ends when its container is stopped", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const work = container
      .exec(["sleep", "3601.5"], 0)
      .then(({ exitCode }) => exitCode)
      .catch(() => -1);
    await waitUntil(() => isRunning("3601.5"), { what: "the exec runs" });
    await container.stop(0);
    expect(await work).not.toBe(0);
    await waitUntil(() => !isRunning("3601.5"), { what: "the exec is gone" });
  });

  onlyCrib("takes it for a missing executable")("without a command is InvalidArgument", async () => {
    const container = await bed.runIdle(await bed.runPod());
    expect(await codeOf(container.exec([]))).toBe("InvalidArgument");
  });
});
