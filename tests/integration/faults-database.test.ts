import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ContainerState, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { Random } from "../harness/random.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed({ stateInMemory: true });
const database = (suffix = "") => join(bed.engine.root, `meta.db${suffix}`);

async function runSeveral(count: number): Promise<readonly TestContainer[]> {
  await bed.pull("busybox");
  return await Promise.all(Array.from({ length: count }, async () => bed.runIdle(await bed.runPod())));
}

/** Every one of them runs as the process it was, in a ready pod, answers an exec, and its image has its name. */
async function expectUnharmed(containers: readonly TestContainer[], pids: readonly number[]): Promise<void> {
  const image = { image: bed.registry.reference("busybox") };
  expect((await bed.cri.images.imageStatus({ image })).image?.repoTags).toContain(image.image);
  const { items } = await bed.cri.runtime.listPodSandbox({});
  // A log that is lost takes removals along: what was removed in it may be back, not ready, to be removed again.
  const ready = items.filter(({ state }) => state === PodSandboxState.SANDBOX_READY).map(({ id }) => id);
  expect(ready.sort()).toEqual(containers.map(({ pod }) => pod.id).sort());
  for (const [index, container] of containers.entries()) {
    expect((await container.status()).state).toBe(ContainerState.CONTAINER_RUNNING);
    expect(await container.pid()).toBe(pids[index] ?? 0);
  }
  const [first] = containers;
  expect(await first?.sh("echo alive")).toBe("alive");
  // The image can be run, not only listed; what was found again can be stopped.
  const fresh = await bed.run(await bed.runPod(), { command: ["sh", "-c", "exit 6"] });
  expect((await fresh.waitExit()).exitCode).toBe(6);
  await first?.stop(0);
  expect((await first?.status())?.exitCode).toBe(137);
}

describe("a database that is", () => {
  test("F05 H1: locked by another program while the daemon starts is waited for, and no pod of 25 ends", async () => {
    const containers = await runSeveral(25);
    const pids = await Promise.all(containers.map((container) => container.pid()));
    await bed.engine.kill9();
    const other = new Database(database());
    other.run("PRAGMA locking_mode = EXCLUSIVE");
    other.run("BEGIN EXCLUSIVE");
    const starting = bed.engine.start();
    await waitUntil(() => /database cannot be opened: waiting|database is damaged/.test(bed.engine.logTail()), {
      what: "the daemon says what it waits for",
      boundMs: 20_000,
    }).finally(() => other.close());
    await starting;
    expect(existsSync(database(".damaged"))).toBe(false);
    await expectUnharmed(containers, pids);
  });

  test("F05: locked by another program while the daemon runs loses no exit", async () => {
    const [container] = await runSeveral(1);
    if (container === undefined) throw new Error("no container");
    const other = new Database(database());
    other.run("BEGIN IMMEDIATE");
    await container.stop(0);
    expect((await container.status()).exitCode).toBe(137);
    await bed.engine.kill9();
    other.run("COMMIT");
    other.close();
    await bed.engine.start();
    expect(await container.status()).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 137 });
  });

  const damages: readonly [string, () => void][] = [
    ["with every page overwritten in places", () => flipPages(7)],
    ["with a header that is none", () => writeFileSync(database(), "no database ".repeat(4000))],
    ["cut to half", () => truncateSync(database(), Math.floor(statSync(database()).size / 2) + 13)],
    ["cut to nothing", () => truncateSync(database(), 0)],
    ["gone", () => rmSync(database())],
    ["gone with its log", () => ["", "-wal", "-shm"].map((suffix) => rmSync(database(suffix), { force: true }))],
    ["whole, but without its log", () => ["-wal", "-shm"].map((suffix) => rmSync(database(suffix), { force: true }))],
  ];
  test.each(damages)("F05 H2: %s ends no pod and loses no image", async (_what, damage) => {
    const containers = await runSeveral(4);
    const pids = await Promise.all(containers.map((container) => container.pid()));
    await bed.engine.kill9();
    damage();
    await bed.engine.start();
    await expectUnharmed(containers, pids);
    // And what was made anew is as good as the first one.
    await bed.engine.restart();
    expect(await containers[1]?.pid()).toBe(pids[1] ?? 0);
  });

  test("F05 H2: damaged and removed under a running daemon ends no pod, then or at the next start", async () => {
    const containers = await runSeveral(4);
    const pids = await Promise.all(containers.map((container) => container.pid()));
    flipPages(11);
    rmSync(database());
    const late = await bed.runIdle(await bed.runPod());
    const exited = await bed.run(late.pod, { command: ["sh", "-c", "exit 9"] });
    expect((await exited.waitExit()).exitCode).toBe(9);
    await bed.engine.kill9();
    await bed.engine.start();
    expect((await exited.status()).exitCode).toBe(9);
    await expectUnharmed([...containers, late], [...pids, await late.pid()]);
  });
});

/** Overwrites 64 bytes somewhere in every page, the first 100 bytes of the file left as they are. */
function flipPages(seed: number): void {
  const random = new Random(seed);
  const bytes = readFileSync(database());
  for (let page = 0; page < bytes.length; page += 4096) {
    const at = page + 100 + Math.floor(random.between(0, 3900));
    for (let index = at; index < Math.min(at + 64, bytes.length); index++) bytes[index] = ~(bytes[index] ?? 0) & 0xff;
  }
  writeFileSync(database(), bytes);
}
