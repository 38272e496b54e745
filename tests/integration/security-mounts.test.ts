import { afterAll, beforeAll, describe, expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { outcomeOf } from "../harness/error-code.ts";
import { hostileImage } from "../harness/hostile-image.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { uniqueNumber } from "../harness/pod-config.ts";
import type { ContainerRequest } from "../harness/test-bed.ts";
import type { TestContainer, TestPod } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

/** Races for the places that a start mounts on, run by a container of another pod that has the same volume. */
const bed = useTestBed({ images: ["busybox"] });
const test = onlyCrib("its runc loses some of these races");
const corePattern = "/proc/sys/kernel/core_pattern";
const onHost = readFileSync(corePattern, "utf8");
let attacker = "";

beforeAll(async () => {
  attacker = await hostileImage(bed);
});
afterAll(() => {
  // Whatever a lost race wrote must not outlive the test.
  if (readFileSync(corePattern, "utf8") !== onHost) writeFileSync(corePattern, onHost);
});

function hostDirectory(): string {
  const path = join(bed.engine.directory, "volumes", `race-${uniqueNumber()}`);
  mkdirSync(path, { recursive: true });
  return path;
}

/** A container in a pod of its own that exchanges two names of the volume without a pause, after `prepare`. */
async function race(volume: string, first: string, second: string, prepare = ":"): Promise<TestContainer> {
  return await bed.run(await bed.runPod(), {
    imageReference: attacker,
    command: ["sh", "-c", `cd /v; ${prepare}; exec /bin/attack swap ${first} ${second}`],
    mounts: [{ containerPath: "/v", hostPath: volume }],
  });
}

interface Starts {
  /** What containers wrote that did start. */
  readonly outputs: readonly string[];
  readonly failures: readonly string[];
}

/** Starts `count` containers one after the other and says what became of them. */
async function starts(pod: TestPod, count: number, script: string, request: ContainerRequest): Promise<Starts> {
  const outputs: string[] = [];
  const failures: string[] = [];
  for (let round = 0; round < count; round++) {
    const outcome = await outcomeOf(
      bed.output(pod, script, { imageReference: attacker, ...request }).then((text) => outputs.push(text)),
    );
    if (outcome.code !== "OK") failures.push(outcome.message);
  }
  return { outputs, failures };
}

describe("V05 CVE-2025-31133: the null device that covers what is masked", () => {
  test("V05: exchanged for a link to core_pattern 10,000 times, masks nothing or covers with null", async () => {
    const volume = hostDirectory();
    const racer = await race(volume, "null", "link", `busybox mknod null c 1 3; ln -s ${corePattern} link`);
    const { outputs, failures } = await starts(
      await bed.runPod(),
      60,
      // Nothing is sent to /dev/null here: this /dev is the attacker's.
      `wc -c < /proc/version; (echo pwned > /proc/version); cat ${corePattern}`,
      {
        mounts: [{ containerPath: "/dev", hostPath: volume }],
        linux: { securityContext: { maskedPaths: ["/proc/version"], readonlyPaths: ["/proc/sys"] } },
      },
    );
    await racer.waitLog("enough swaps");
    expect(readFileSync(corePattern, "utf8")).toBe(onHost);
    for (const text of outputs) expect(text).toBe(`0\n${onHost.trim()}`);
    for (const message of failures) expect(message).toMatch(/null/);
    // Both sides of the race were seen, so it was one.
    expect([outputs.length > 0, failures.length > 0]).toEqual([true, true]);
  });
});

describe("V06 CVE-2025-52565: the terminal that becomes /dev/console", () => {
  test("V06: a /dev/pts whose names are exchanged for links to files of procfs gives no terminal", async () => {
    const volume = hostDirectory();
    const victim = join(hostDirectory(), "victim");
    writeFileSync(victim, "host");
    const links = `ln -s /proc/sysrq-trigger link; busybox mknod ptmx c 5 2; busybox touch 0; ln -s ${corePattern} 1; ln -s ${victim} 2`;
    const racer = await race(volume, "ptmx", "link", links);
    const second = await race(volume, "0", "1");
    const { outputs, failures } = await starts(await bed.runPod(), 40, "echo started", {
      tty: true,
      mounts: [{ containerPath: "/dev/pts", hostPath: volume }],
    });
    for (const one of [racer, second]) await one.waitLog("enough swaps");
    expect([outputs, failures.length]).toEqual([[], 40]);
    for (const message of failures) expect(message).toContain("/dev/pts/ptmx");
    expect([readFileSync(corePattern, "utf8"), readFileSync(victim, "utf8")]).toEqual([onHost, "host"]);
  });

  test("V06: links that an image has at /dev/console and /dev/pts/0 are not what a terminal is bound to", async () => {
    const imageReference = await hostileImage(bed, (layer) =>
      layer.dir("dev").dir("dev/pts").symlink("dev/pts/0", corePattern).symlink("dev/console", corePattern),
    );
    const container = await bed.run(await bed.runPod(), {
      imageReference,
      tty: true,
      command: ["sh", "-c", "busybox tty; stat -c %F,%t /dev/console /dev/pts/0; echo pwned > /dev/console"],
    });
    expect((await container.waitExit()).exitCode).toBe(0);
    const text = (await container.waitLog("pwned")).replaceAll("\r", "");
    expect(text).toContain("/dev/pts/0\ncharacter special file,88\ncharacter special file,88\npwned");
    expect(readFileSync(corePattern, "utf8")).toBe(onHost);
  });
});

describe("V10 V11 CVE-2021-30465, CVE-2024-45310: a mount's target that is exchanged while it is mounted", () => {
  test("V10 V11: mounts and directories land in the root, whatever another pod makes of the shared volume", async () => {
    const volume = hostDirectory();
    const victim = hostDirectory();
    const source = hostDirectory();
    writeFileSync(join(source, "marker"), "");
    mkdirSync(join(volume, "target"));
    symlinkSync(victim, join(volume, "link"));
    const racer = await race(volume, "target", "link");
    // What the host would notice: a name in the victim's directory stays there once it was made.
    const { outputs, failures } = await starts(
      await bed.runPod(),
      100,
      `grep -c ' .*${source.split("/").at(-1)} /' /proc/self/mountinfo`,
      {
        mounts: [
          { containerPath: "/v", hostPath: volume },
          { containerPath: "/v/target/deep/er", hostPath: source },
        ],
      },
    );
    await racer.waitLog("enough swaps");
    expect(readdirSync(victim)).toEqual([]);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(volume);
    // A mount that is not among those below the container's own root has gone somewhere else.
    for (const text of outputs) expect(text).toBe("1");
    expect(outputs.length).toBeGreaterThan(0);
    expect(outputs.length + failures.length).toBe(100);
  });

  for (const target of ["/", "/..", "/proc", "/proc/self/attr", "/proc/sys", "/proc/1/root"]) {
    test(`V07 V10: an image's link to ${target} leads no mount over it`, async () => {
      const imageReference = await hostileImage(bed, (layer) => layer.symlink("link", target));
      const hostPath = hostDirectory();
      writeFileSync(join(hostPath, "marker"), "");
      const { outputs, failures } = await starts(await bed.runPod(), 1, "echo started", {
        imageReference,
        mounts: [{ containerPath: "/link", hostPath }],
      });
      expect(outputs).toEqual([]);
      expect(failures[0]).toMatch(/mount over (procfs|the root)|loop|crosses|link/i);
    });
  }

  test("V10 V12: an image whose /dev is its root does not start", async () => {
    const imageReference = await hostileImage(bed, (layer) => layer.symlink("dev", "/"));
    const { failures } = await starts(await bed.runPod(), 1, "echo started", { imageReference });
    expect(failures).toEqual([expect.stringContaining("mount over the root")]);
  });
});

describe("V07 CVE-2025-52881: mounts over the files that a start writes to", () => {
  for (const [directory, name] of [
    ["/proc/self", "attr"],
    ["/proc/sys", "kernel"],
  ] as const) {
    test(`V07: nothing comes over ${directory}/${name} through a volume whose names are exchanged`, async () => {
      const volume = hostDirectory();
      const source = hostDirectory();
      mkdirSync(join(volume, "real", name), { recursive: true });
      const racer = await race(volume, "real", "link", `ln -s ..${directory} link`);
      const { outputs, failures } = await starts(await bed.runPod(), 30, "cat /proc/self/mountinfo", {
        mounts: [
          { containerPath: "/v", hostPath: volume },
          { containerPath: `/v/real/${name}`, hostPath: source },
        ],
      });
      await racer.waitLog("enough swaps");
      const placed = outputs.flatMap((text) => text.split("\n").filter((line) => line.includes(source)));
      expect(placed.filter((line) => line.includes(" /proc"))).toEqual([]);
      expect(failures.filter((text) => text.includes("mount over procfs")).length).toBeGreaterThan(0);
    });
  }
});
