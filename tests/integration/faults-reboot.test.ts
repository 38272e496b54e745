import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ContainerState, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { countRows } from "../harness/count-rows.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const count = 30;

test("F03: pods of another boot are not ready, their processes are not looked for, and all can be removed", async () => {
  const containers = await Promise.all(Array.from({ length: count }, async () => bed.runIdle(await bed.runPod())));
  const pids = await Promise.all(containers.map((container) => container.pid()));
  // A row follows its file in the state directory, which a reboot takes away.
  await waitUntil(
    () =>
      countRows(bed.engine, "sandboxes", "ready") === count && countRows(bed.engine, "containers", "running") === count,
    {
      what: "every row is written",
    },
  );
  await bed.engine.kill9();
  // What a reboot does: processes, mounts and the state directory are gone, the database is not.
  for (const pid of [...monitors(), ...pids]) process.kill(pid, "SIGKILL");
  for (const directory of ["pods", "netns"]) {
    for (const mount of mountsBelow(join(bed.engine.state, directory))) Bun.spawnSync(["umount", "-l", mount]);
    rmSync(join(bed.engine.state, directory), { recursive: true, force: true });
  }
  const database = new Database(join(bed.engine.root, "meta.db"));
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  // A process of this test has the number that a monitor had.
  database.run("UPDATE sandboxes SET body = replace(replace(body, ?, ?), '\"pid\":', '\"pid\":1')", [boot, "before"]);
  database.close();

  const start = performance.now();
  await bed.engine.start();
  expect(performance.now() - start).toBeLessThan(15_000);
  const { items } = await bed.cri.runtime.listPodSandbox({});
  expect(items).toHaveLength(count);
  expect(items.filter(({ state }) => state !== PodSandboxState.SANDBOX_NOTREADY)).toEqual([]);
  for (const container of containers) {
    expect(await container.status()).toMatchObject({ state: ContainerState.CONTAINER_EXITED, exitCode: 255 });
    await container.pod.stop();
    await container.pod.remove();
  }
  expect((await bed.cri.runtime.listContainers({})).containers).toEqual([]);
});

function monitors(): readonly number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const [program, , directory = ""] = readFileSync(`/proc/${name}/cmdline`, "latin1").split("\0");
      return program === "crib-monitor" && directory.startsWith(bed.engine.state) ? [Number(name)] : [];
    } catch (error) {
      if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH")) return [];
      throw error;
    }
  });
}

function mountsBelow(directory: string): readonly string[] {
  const points = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "");
  return points.filter((point) => point.startsWith(`${directory}/`));
}
