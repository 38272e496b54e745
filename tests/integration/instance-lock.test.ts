import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseHostPath } from "../../src/ids/path.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { claimSocket } from "../../src/main/claim-socket.ts";
import { lockDirectory } from "../../src/main/instance-lock.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { readBootId } from "../../src/runtime/read-host-facts.ts";
import { processState, silence } from "../harness/monitor-process.ts";
import { mountSilentFs } from "../harness/silent-fs.ts";
import { waitUntil } from "../harness/wait-until.ts";
import { openWorkspace } from "../harness/workspace.ts";

/** Root and /dev/fuse. */
const workspace = openWorkspace("lock");
afterAll(() => workspace.remove());

const host = { kernel: createLinuxKernel(), clock: createSystemClock(), bootId: readBootId() };
let count = 0;

async function daemon(look: string) {
  count += 1;
  const directory = parseHostPath(join(workspace.path, `state-${count}`));
  mkdirSync(directory);
  const socket = parseHostPath(join(directory, "crib.sock"));
  const script = join(import.meta.dir, "../fixtures/lock-and-hang.ts");
  const child = Bun.spawn([process.execPath, script, directory, socket, look], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const { value } = await child.stdout.getReader().read();
  expect(Buffer.from(value ?? []).toString()).toBe("locked\n");
  return { directory, socket, child };
}

const lock = (directory: ReturnType<typeof parseHostPath>) => lockDirectory(host, directory, "--state");

describe("the lock of a daemon", () => {
  test("that was killed and hangs in the kernel is taken over, by one, and its socket with it", async () => {
    await using fs = await mountSilentFs(join(workspace.path, "silent"));
    const { directory, socket, child } = await daemon(join(fs.path, "file"));
    await fs.silence();
    child.stdin.write("look");
    await child.stdin.flush();
    await waitUntil(
      () =>
        Bun.spawnSync(["cat", `/proc/${child.pid}/wchan`])
          .stdout.toString()
          .includes("request_wait"),
      {
        what: "it hangs",
      },
    );
    await expect(lock(directory)).rejects.toThrow(`pid ${child.pid}`);
    child.kill("SIGKILL");
    await waitUntil(() => processState(child.pid) === "D" || processState(child.pid) === "Z", { what: "it is killed" });

    const [first, second] = await Promise.allSettled([lock(directory), lock(directory)]);
    const taken = [first, second].flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(taken).toHaveLength(1);
    expect(taken[0]?.tookOver).toBe(true);
    const claimed = await claimSocket(host.kernel, socket, true);
    claimed[Symbol.dispose]();

    await fs.abort();
    await child.exited;
    await expect(lock(directory)).rejects.toThrow(`pid ${process.pid}`);
    taken[0]?.[Symbol.dispose]();
    const next = await lock(directory);
    expect(next.tookOver).toBe(false);
    next[Symbol.dispose]();
  }, 60_000);

  test("that is only stopped, or waits without having been killed, stays its own", async () => {
    const { directory, child } = await daemon("/");
    {
      using _stopped = await silence(child.pid);
      await expect(lock(directory)).rejects.toThrow(`pid ${child.pid}`);
    }
    child.kill("SIGKILL");
    await child.exited;
    (await lock(directory))[Symbol.dispose]();
  }, 60_000);
});
