import { beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cribBinary } from "../harness/crib-engine.ts";
import { outcomeOf } from "../harness/error-code.ts";
import { hostileImage } from "../harness/hostile-image.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

/** Attacks on what enters a container, made from inside of it. */
const bed = useTestBed({ images: ["busybox"] });
const crib = onlyCrib("these ask about crib's own processes");
let attacker = "";

beforeAll(async () => {
  attacker = await hostileImage(bed);
});

/** Runs `work` for 0 to count - 1, a few at a time. */
async function inBatches(count: number, work: (index: number) => Promise<void>): Promise<void> {
  const batch = 8;
  for (let first = 0; first < count; first += batch) {
    await Promise.all(Array.from({ length: Math.min(batch, count - first) }, (_, i) => work(first + i)));
  }
}

function ofBinary(): string {
  return createHash("sha256").update(readFileSync(cribBinary())).digest("hex");
}

describe("V01 CVE-2019-5736, V04 CVE-2016-9962: what enters a container", () => {
  crib("V01 V04: cannot be opened, written, traced or read by the container it enters in 1,000 execs", async () => {
    const before = ofBinary();
    const container = await bed.run(await bed.runPod(), {
      imageReference: attacker,
      command: ["/bin/attack", "stalk"],
    });
    await inBatches(1000, async () => {
      expect((await container.exec(["true"])).exitCode).toBe(0);
    });
    // Without this line the attacker was never there in time, and its silence would mean nothing.
    expect(await container.waitLog("saw them come")).not.toContain("LEAK");
    expect(ofBinary()).toBe(before);
  });

  crib("V01: an image whose program is #!/proc/self/exe runs nothing of ours but a sealed copy", async () => {
    const before = ofBinary();
    const imageReference = await hostileImage(
      bed,
      (layer) => layer.file("entry", "#!/proc/self/exe\n", { mode: 0o755 }),
      { Entrypoint: ["/entry"], Cmd: [] },
    );
    const container = await bed.create(await bed.runPod(), { imageReference });
    const { code } = await outcomeOf(container.start());
    if (code === "OK") expect((await container.waitExit()).exitCode).not.toBe(0);
    expect(ofBinary()).toBe(before);
  });

  crib("V01: the executable a monitor runs from has all its seals", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const [, monitor = ""] = /PPid:\s+(\d+)/.exec(readFileSync(`/proc/${await container.pid()}/status`, "utf8")) ?? [];
    const probe = Bun.spawnSync([join(bed.engine.directory, "attack"), "seals", `/proc/${monitor}/exe`]);
    // F_SEAL_SEAL, SHRINK, GROW and WRITE; F_SEAL_EXEC (0x20) where the kernel has it (6.3).
    expect(Number(probe.stdout.toString()) & 0x0f).toBe(0x0f);
    expect(() => writeFileSync(`/proc/${monitor}/exe`, "x")).toThrow();
  });
});

describe("V02 CVE-2024-21626: a descriptor of ours as a way out", () => {
  const first = 3;
  const last = 64;
  const secret = () => {
    const path = join(bed.engine.directory, "of-the-host");
    writeFileSync(path, "#!/bin/sh\necho OF THE HOST\n", { mode: 0o755 });
    return path;
  };

  test("V02: no working directory through any of 3 to 64 shows a file of the host", async () => {
    const host = secret();
    const pod = await bed.runPod();
    await inBatches(last - first + 1, async (index) => {
      for (const up of ["", "/../../.."]) {
        const outcome = await outcomeOf(
          bed.run(pod, {
            metadata: { name: `v02-${index}-${up.length}`, attempt: 0 },
            command: ["cat", `.${host}`],
            workingDir: `/proc/self/fd/${index + first}${up}`,
          }),
        );
        expect(outcome.code).not.toBe("OK");
        expect(outcome.message).not.toContain("OF THE HOST");
      }
    });
  });

  crib("V02: nor does an image's own, written out or behind a link", async () => {
    const host = secret();
    const pod = await bed.runPod();
    for (const fd of [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
      const direct = fd % 2 === 0;
      const imageReference = await hostileImage(
        bed,
        (layer) => (direct ? layer : layer.symlink("work", `/proc/self/fd/${fd}/../../..`)),
        { WorkingDir: direct ? `/proc/self/fd/${fd}/../../..` : "/work" },
      );
      const outcome = await outcomeOf(bed.run(pod, { imageReference, command: ["cat", `.${host}`] }));
      expect([fd, outcome.code]).not.toEqual([fd, "OK"]);
    }
  });

  test("V02: nor is a program of the host run through one by an exec", async () => {
    const host = secret();
    const container = await bed.runIdle(await bed.runPod());
    await inBatches(last - first + 1, async (index) => {
      for (const up of ["", "/..", "/../../../.."]) {
        const outcome = await outcomeOf(
          container.exec([`/proc/self/fd/${index + first}${up}${host}`]).then(({ stdout, exitCode }) => {
            expect([stdout, exitCode === 0]).toEqual(["", false]);
          }),
        );
        expect(outcome.message).not.toContain("OF THE HOST");
      }
    });
  });
});
