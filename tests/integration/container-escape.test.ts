import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { outcomeOf } from "../harness/error-code.ts";
import { hostileImage } from "../harness/hostile-image.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { uniqueNumber } from "../harness/pod-config.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

/** What images and workloads have tried to get out of a container by; each title begins with the attack's row. */
const bed = useTestBed({ images: ["busybox"] });
const cribTest = onlyCrib("its runc is the one these were found in, or differs in the error");

function hostDirectory(): string {
  const path = join(bed.engine.directory, "volumes", `escape-${uniqueNumber()}`);
  mkdirSync(path, { recursive: true });
  return path;
}

describe("V01 CVE-2019-5736 the program that entered the container", () => {
  cribTest("cannot be opened for writing through /proc by what it enters", async () => {
    const container = await bed.runIdle(await bed.runPod(), {
      command: ["sh", "-c", "while :; do for p in /proc/[0-9]*; do (: >> $p/exe) 2>/dev/null; done; done"],
    });
    const before = createHash("sha256").update(readFileSync("/proc/self/exe")).digest("hex");
    for (let i = 0; i < 50; i++) expect((await container.exec(["true"])).exitCode).toBe(0);
    // The monitor's program is a sealed memfd: its own first process reads the same bytes after the attack.
    const [, parent = "0"] = /PPid:\s+(\d+)/.exec(readFileSync(`/proc/${await container.pid()}/status`, "utf8")) ?? [];
    expect(() => writeFileSync(`/proc/${parent}/exe`, "x")).toThrow();
    expect(createHash("sha256").update(readFileSync("/proc/self/exe")).digest("hex")).toBe(before);
  });

  test("/proc/self/exe as the command is the container's own program, or nothing", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const { stdout } = await container.exec(["/proc/self/exe", "echo", "ours"]);
    expect(stdout.trim()).not.toBe("ours");
  });
});

describe("V02 CVE-2024-21626 a working directory through a descriptor", () => {
  for (const fd of [3, 4, 5, 6, 7, 8, 9, 10, 16, 32]) {
    test(`/proc/self/fd/${fd} leads nowhere`, async () => {
      const pod = await bed.runPod();
      const workingDir = `/proc/self/fd/${fd}/../../..`;
      const outcome = await outcomeOf(bed.output(pod, "cat etc/shadow && echo BROKEN", { workingDir }));
      expect(outcome.code).not.toBe("OK");
    });
  }

  cribTest("an image's link to one leads nowhere", async () => {
    const imageReference = await hostileImage(bed, (layer) => layer.symlink("work", "/proc/self/fd/5"));
    const outcome = await outcomeOf(
      bed.run(await bed.runPod(), { imageReference, workingDir: "/work/..", command: ["ls"] }),
    );
    expect(outcome.message === "" || outcome.message.includes("directory")).toBe(true);
  });
});

describe("V03 descriptors", () => {
  test("of a container and an exec are stdin, stdout and stderr", async () => {
    const script = "ls /proc/self/fd | while read fd; do [ -e /proc/$$/fd/$fd ] && echo $fd; done; true";
    const container = await bed.runIdle(await bed.runPod(), { command: ["sh", "-c", "sleep 100"] });
    expect(readdirSync(`/proc/${await container.pid()}/fd`)).toEqual(["0", "1", "2"]);
    expect((await container.sh(script)).split("\n").slice(0, 3)).toEqual(["0", "1", "2"]);
    expect(await container.sh("ls /proc/self/fd | wc -l")).toBe("4");
  });
});

describe("V04 CVE-2016-9962 a process on its way into the container", () => {
  test("shows none of its descriptors to those inside", async () => {
    const look = [
      "while :; do for f in /proc/[0-9]*/fd/[3-9]*; do",
      'case $f in /proc/$$/*) ;; *) l=$(readlink $f) && echo "LEAK $f $l";; esac',
      "done; done",
    ].join("\n");
    const container = await bed.runIdle(await bed.runPod(), { command: ["sh", "-c", look] });
    for (let i = 0; i < 100; i++) expect((await container.exec(["true"])).exitCode).toBe(0);
    expect(container.text()).toBe("");
  });
});

describe("V08 V12 V28 a root whose directories are links", () => {
  const victims: string[] = [];
  const victim = (): string => {
    const path = hostDirectory();
    victims.push(path);
    return path;
  };

  for (const name of ["proc", "sys"]) {
    cribTest(`V08 /${name} that is a link fails the start (CVE-2019-19921, CVE-2023-27561)`, async () => {
      const imageReference = await hostileImage(bed, (layer) => layer.dir("elsewhere").symlink(name, "/elsewhere"));
      const outcome = await outcomeOf(bed.run(await bed.runPod(), { imageReference, command: ["ls"] }));
      expect(outcome.code).not.toBe("OK");
      expect(outcome.message).toContain("ordinary directory");
    });
  }

  cribTest("V12 nothing is made where the image's /dev leads on the host (CVE-2026-41579)", async () => {
    const host = victim();
    const imageReference = await hostileImage(bed, (layer) => layer.symlink("dev", host));
    await outcomeOf(bed.run(await bed.runPod(), { imageReference, command: ["ls"] }));
    expect(readdirSync(host)).toEqual([]);
  });

  cribTest("V28 V46 the pod's files go into the container, not where its /etc leads (CVE-2024-5154)", async () => {
    const host = victim();
    const imageReference = await hostileImage(bed, (layer) => layer.symlink("etc", host));
    await outcomeOf(bed.run(await bed.runPod(), { imageReference, command: ["ls"] }));
    expect(readdirSync(host)).toEqual([]);
  });

  cribTest("V28 links at every file that is made", async () => {
    const host = victim();
    const inEtc = ["hosts", "hostname", "resolv.conf", "mtab", "passwd", "group"];
    const inRoot = [".containerenv", ".dockerenv"];
    for (const name of [...inEtc, ...inRoot]) writeFileSync(join(host, name), "host");
    const imageReference = await hostileImage(bed, (layer) => {
      layer.dir("etc").dir("run");
      for (const name of inEtc) layer.symlink(`etc/${name}`, join(host, name));
      for (const name of inRoot) layer.symlink(name, join(host, name)).symlink(`run/${name}`, join(host, name));
      return layer;
    });
    await outcomeOf(bed.run(await bed.runPod(), { imageReference, command: ["ls"] }));
    for (const name of [...inEtc, ...inRoot]) expect(readFileSync(join(host, name), "utf8")).toBe("host");
    expect(readdirSync(host)).toHaveLength(inEtc.length + inRoot.length);
  });
});

describe("V10 V11 a mount's target that is exchanged while it is mounted (CVE-2021-30465, CVE-2024-45310)", () => {
  let attacker: Bun.Subprocess | undefined;
  afterAll(() => attacker?.kill("SIGKILL"));

  cribTest("never leads out of the root", async () => {
    const shared = hostDirectory();
    const victim = hostDirectory();
    const source = hostDirectory();
    writeFileSync(join(source, "planted"), "");
    mkdirSync(join(shared, "target"));
    symlinkSync(victim, join(shared, "link"));
    // As a container that shares the volume would: a directory and a link to the host change places as fast as they can.
    const swap = `cd ${shared}; while :; do mv -T target t; mv -T link target; mv -T t link; mv -T link t; mv -T target link; mv -T t target; done`;
    attacker = Bun.spawn(["sh", "-c", swap], { stdout: "ignore", stderr: "ignore" });
    const pod = await bed.runPod();
    const mounts = [
      { containerPath: "/s", hostPath: shared },
      { containerPath: "/s/target/deep", hostPath: source },
    ];
    for (let i = 0; i < 25; i++) await outcomeOf(bed.run(pod, { mounts, command: ["true"] }));
    attacker.kill("SIGKILL");
    await attacker.exited;
    expect(existsSync(join(victim, "deep"))).toBe(false);
    const leaked = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    expect(leaked.filter((line) => line.includes(victim))).toEqual([]);
  });
});

describe("V05 V07 V19 V23 what is covered", () => {
  const masked = ["/proc/version", "/sys/devices/virtual/powercap", "/proc/scsi"];
  const paths = { maskedPaths: masked, readonlyPaths: ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq"] };
  const linux = { securityContext: paths };
  let corePattern = "";
  beforeAll(() => {
    corePattern = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
  });

  test("V05 stays covered whatever the image has at /dev/null (CVE-2025-31133)", async () => {
    const imageReference = await hostileImage(bed, (layer) =>
      layer.dir("dev").symlink("dev/null", "/proc/sys/kernel/core_pattern"),
    );
    const text = await bed.output(await bed.runPod(), "wc -c < /proc/version; (echo x > /proc/version); true", {
      imageReference,
      linux,
    });
    expect(text).toStartWith("0");
    expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).toBe(corePattern);
  });

  test("V07 V19 the host's knobs and its control groups cannot be written (CVE-2022-0492)", async () => {
    const script = [
      "for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /sys/kernel/uevent_helper",
      "$(ls -d /sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.procs 2>/dev/null); do",
      "(echo 1 > $f) 2>/dev/null && echo BROKEN $f; done",
      "mkdir /sys/fs/cgroup/made /sys/fs/cgroup/*/made 2>/dev/null && echo BROKEN mkdir; true",
    ].join("\n");
    expect(await bed.output(await bed.runPod(), script.replace("uevent_helper\n", "uevent_helper "), { linux })).toBe(
      "",
    );
  });

  test("V23 power readings are empty (GHSA-7ww5-4wqc-m92c)", async () => {
    const script = "ls /sys/devices/virtual/powercap 2>/dev/null | wc -l";
    expect(await bed.output(await bed.runPod(), script, { linux })).toBe("0");
  });

  test("an unmasked container (procMount Unmasked) sees what both lists name", async () => {
    const empty = { securityContext: { maskedPaths: [], readonlyPaths: [] } };
    const script = "wc -c < /proc/version; grep -c ' /proc/' /proc/mounts; true";
    const [size = "0", covers] = (await bed.output(await bed.runPod(), script, { linux: empty })).split("\n");
    expect(Number(size)).toBeGreaterThan(10);
    expect(covers).toBe("0");
  });
});

describe("V09 CVE-2019-16884 a mount over procfs", () => {
  for (const containerPath of ["/proc", "/proc/self", "/proc/sys/kernel", "/x/../proc/1"]) {
    cribTest(`${containerPath} is refused`, async () => {
      const mounts = [{ containerPath, hostPath: hostDirectory() }];
      expect(await outcomeOf(bed.create(await bed.runPod(), { mounts }))).toMatchObject({ code: "InvalidArgument" });
    });
  }
});
