import { describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ContainerStats } from "../../src/gen/runtime/v1/api_pb.ts";
import { buildStaticBinary } from "../fixtures/static-binary.ts";
import { codeOf } from "../harness/error-code.ts";
import { liveThrough } from "../harness/lifecycle.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** On a disk of their own: how fast that of the machine makes forty thousand directories is its own affair. */
const bed = useTestBed({ rootDisk: { mebibytes: 2048, inodes: 100_000 } });
const MIB = 1n << 20n;

async function listed(container: TestContainer): Promise<ContainerStats | undefined> {
  const { stats } = await bed.cri.runtime.listContainerStats({});
  return stats.find(({ attributes }) => attributes?.id === container.id);
}

/** What the writable layer uses, once it was measured after `since`. */
async function measuredAfter(container: TestContainer, since: bigint): Promise<bigint> {
  return await waitUntil(
    async () => {
      const layer = (await listed(container))?.writableLayer;
      return layer !== undefined && layer.timestamp > since && (layer.usedBytes?.value ?? 0n);
    },
    { what: `the layer of ${container.id} is measured anew`, boundMs: 30_000 },
  );
}

const nowNs = () => BigInt(Date.now()) * 1_000_000n;

describe("a writable layer", () => {
  test("N1: with a path over PATH_MAX hides neither itself nor any other pod's", async () => {
    const deep = await bed.runIdle(await bed.runPod());
    const other = await bed.runIdle(await bed.runPod());
    const half = `${"d".repeat(250)}/`.repeat(14);
    await deep.sh(
      `mkdir -p /a/${half} /b/${half} && dd if=/dev/zero of=/a/${half}bottom bs=1M count=8 2>/dev/null && mv /a /b/${half}`,
    );
    const since = nowNs();
    expect(await measuredAfter(deep, since)).toBeGreaterThanOrEqual(8n * MIB);
    expect((await listed(other))?.writableLayer?.inodesUsed?.value).toBeGreaterThan(0n);
    expect((await bed.cri.runtime.listPodSandboxStats({})).stats).toHaveLength(2);
  });

  test("N2: whose directories are exchanged for links out of it is counted inside alone", async () => {
    const outside = mkdtempSync(join(tmpdir(), "crib-outside-"));
    try {
      writeFileSync(join(outside, "big"), new Uint8Array(64 << 20));
      const program = join(outside, "exchange");
      buildStaticBinary("exchange", outside);
      chmodSync(program, 0o755);
      const racer = await bed.run(await bed.runPod(), {
        command: ["/exchange", "/r", outside],
        mounts: [{ hostPath: program, containerPath: "/exchange", readonly: true }],
      });
      await racer.waitLog("made", 30_000);
      for (let round = 0; round < 2; round++) {
        expect(await measuredAfter(racer, nowNs())).toBeLessThan(32n * MIB);
      }
    } finally {
      rmSync(outside, { recursive: true, force: true });
    }
  });

  test("N2: with names that are no UTF-8 hides nothing of what lies beside them", async () => {
    const container = await bed.runIdle(await bed.runPod());
    await container.sh(
      `mkdir /h; cd /h; for i in $(seq 60); do : > "$(printf "x\\377\\\\$(printf %03o $((i+63)))")"; done; dd if=/dev/zero of=big bs=1M count=50 2>/dev/null`,
    );
    expect(await measuredAfter(container, nowNs())).toBeGreaterThanOrEqual(50n * MIB);
  });

  test("N2: of forty thousand directories keeps no other RPC waiting", async () => {
    const container = await bed.run(await bed.runPod(), {
      command: [
        "sh",
        "-c",
        "for d in $(seq 200); do mkdir -p /m$d; cd /m$d; mkdir $(seq 200); done; echo made; exec sleep 1000",
      ],
    });
    await container.waitLog("made", 120_000);
    const since = nowNs();
    const slowest = { ms: 0 };
    let over = false;
    const watcher = (async () => {
      while (!over) {
        const start = performance.now();
        await bed.cri.runtime.version({});
        slowest.ms = Math.max(slowest.ms, performance.now() - start);
      }
    })();
    const started = performance.now();
    await Promise.all(Array.from({ length: 8 }, () => bed.cri.runtime.listContainerStats({})));
    const answered = performance.now() - started;
    await measuredAfter(container, since).finally(() => {
      over = true;
    });
    await watcher;
    expect((await listed(container))?.writableLayer?.inodesUsed?.value).toBeGreaterThanOrEqual(40_000n);
    expect(answered).toBeLessThan(2_000);
    expect(slowest.ms).toBeLessThan(500);
  });
});

describe("N3: with four pods that come and go", () => {
  test("every list answers, and tells of the pod that stays", async () => {
    const staying = await bed.runIdle(await bed.runPod());
    let over = false;
    const churning = Array.from({ length: 4 }, async () => {
      while (!over) await liveThrough(bed);
    });
    const failures = new Map<string, string>();
    const until = performance.now() + 8_000;
    let rounds = 0;
    const note = (what: string) => (error: unknown) => void failures.set(what, String(error));
    while (performance.now() < until) {
      rounds += 1;
      const { runtime } = bed.cri;
      await Promise.all([
        runtime.listContainerStats({}).catch(note("ListContainerStats")),
        runtime.listPodSandboxMetrics({}).catch(note("ListPodSandboxMetrics")),
        runtime.listContainers({}).catch(note("ListContainers")),
        runtime.listPodSandbox({}).catch(note("ListPodSandbox")),
        runtime.listPodSandboxStats({}).then(({ stats }) => {
          const kept = stats.find(({ attributes }) => attributes?.id === staying.pod.id);
          if (kept?.linux?.network?.defaultInterface === undefined) failures.set("the pod that stays", "left out");
        }, note("ListPodSandboxStats")),
      ]);
    }
    over = true;
    await Promise.all(churning);
    expect([...failures]).toEqual([]);
    expect(rounds).toBeGreaterThan(20);
    expect(await codeOf(bed.cri.runtime.podSandboxStats({ podSandboxId: staying.pod.id }))).toBe("OK");
  });
});
