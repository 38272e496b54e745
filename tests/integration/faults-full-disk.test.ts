import { describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Code, ConnectError } from "@connectrpc/connect";
import { ContainerState } from "../../src/gen/runtime/v1/api_pb.ts";
import type { SmallDisk } from "../harness/engine.ts";
import { expectNoResidue, hostSnapshot } from "../harness/host-snapshot.ts";
import { TestBed } from "../harness/test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

async function withDisk(rootDisk: SmallDisk, story: (bed: TestBed) => Promise<void>): Promise<void> {
  const bed = new TestBed();
  try {
    await bed.open({ rootDisk, stateInMemory: true, images: [] });
    const before = hostSnapshot(bed.engine);
    await story(bed);
    await expectNoResidue(bed.engine, before);
  } finally {
    await bed.close();
  }
}

/** Takes every block, also those that are given back meanwhile; undone by `free`. */
function fillBytes(bed: TestBed): void {
  const path = join(bed.engine.root, "fill");
  for (let size = 1 << 20; size >= 512; size /= 2) {
    try {
      for (;;) appendFileSync(path, new Uint8Array(size));
    } catch (error) {
      if (!isNoSpace(error)) throw error;
    }
  }
  expect(statfsSync(bed.engine.root).bavail).toBe(0);
}

function fillInodes(bed: TestBed): void {
  const directory = join(bed.engine.root, "fill");
  mkdirSync(directory, { recursive: true });
  try {
    for (let number = 0; ; number++) writeFileSync(join(directory, `${Date.now()}-${number}`), "", { flag: "wx" });
  } catch (error) {
    if (!isNoSpace(error)) throw error;
  }
  expect(statfsSync(bed.engine.root).ffree).toBe(0);
}

function isNoSpace(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOSPC";
}

async function failure(work: Promise<unknown>): Promise<ConnectError> {
  return ConnectError.from(
    await work.then(
      () => new Error("it succeeded"),
      (error: unknown) => error,
    ),
  );
}

describe("F06: a daemon", () => {
  test("H6: starts on a fresh disk of 100 MiB, and one of 20", async () => {
    for (const mebibytes of [100, 20]) {
      await withDisk({ mebibytes, inodes: 2000 }, async (bed) => {
        expect((await bed.cri.runtime.status({})).status?.conditions.every(({ status }) => status)).toBe(true);
      });
    }
  });

  test.each([
    ["0 bytes", fillBytes],
    ["0 inodes", fillInodes],
  ] as const)("H7: at %s free records exits, stops, removes, and makes room", async (_what, fill) => {
    await withDisk({ mebibytes: 300, inodes: 3000 }, async (bed) => {
      for (const name of ["busybox", "volume"] as const) await bed.pull(name);
      const [quick, killed, stopped, left] = await Promise.all([
        bed.run(await bed.runPod(), { command: ["sh", "-c", "sleep 4; exit 7"] }),
        bed.runIdle(await bed.runPod()),
        bed.runIdle(await bed.runPod()),
        bed.runIdle(await bed.runPod()),
      ]);
      if (quick === undefined || killed === undefined || stopped === undefined || left === undefined) throw new Error();
      const leftPid = await left.pid();
      const spare = await bed.runPod();

      fill(bed);
      process.kill(await killed.pid(), "SIGKILL");
      expect(await killed.waitExit(5_000)).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137 });
      expect((await quick.waitExit(10_000)).exitCode).toBe(7);
      await stopped.stop(0);
      expect((await stopped.status()).exitCode).toBe(137);
      // What is given up in need is taken at once, by whoever filled the disk.
      fill(bed);

      for (const work of [bed.create(spare), bed.pull("users")]) {
        const refused = await failure(work);
        expect([refused.code, refused.rawMessage]).toEqual([Code.ResourceExhausted, expect.stringContaining("/root")]);
      }
      await killed.remove();
      await killed.pod.remove();
      const image = { image: bed.registry.reference("volume") };
      await bed.cri.images.removeImage({ image });
      expect((await bed.cri.images.imageStatus({ image })).image).toBeUndefined();
      fill(bed);

      await bed.engine.kill9();
      await bed.engine.start();
      expect(await left.pid()).toBe(leftPid);
      expect((await quick.status()).exitCode).toBe(7);
      expect((await bed.cri.images.imageStatus({ image })).image).toBeUndefined();
      await stopped.pod.stop();
      await stopped.pod.remove();

      rmSync(join(bed.engine.root, "fill"), { recursive: true });
      const fresh = await bed.run(spare, { command: ["sh", "-c", "exit 3"] });
      expect((await fresh.waitExit()).exitCode).toBe(3);
      await waitUntil(() => reserveIsThere(bed), {
        what: "the reserve is made again",
        boundMs: 20_000,
      });
      expect(bed.engine.logTail(2000)).not.toContain("uncaught");
      for (const container of [quick, left]) await container.pod.remove();
      await spare.remove();
    });
  });
});

function reserveIsThere(bed: TestBed): boolean {
  return Bun.file(join(bed.engine.root, "reserve", "bytes")).size === 16 << 20;
}
