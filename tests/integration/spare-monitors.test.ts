import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { NamespaceMode } from "../../src/gen/runtime/v1/api_pb.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();

const pods = (): string => join(bed.engine.state, "pods");

function spareIds(): readonly string[] {
  return readdirSync(pods()).filter((id) => existsSync(join(pods(), id, "spare")));
}

/** Ids with a mark whose monitor is up, too: the mark comes first. */
function waiting(): readonly string[] {
  return spareIds().filter((id) => monitorPid(id) !== undefined);
}

function monitorPid(id: string): number | undefined {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (readFileSync(`/proc/${name}/cmdline`, "utf8").startsWith(`crib-monitor\0${id}\0`)) return Number(name);
    } catch (error) {
      // It ended meanwhile.
      if (!(error instanceof Error && "code" in error)) throw error;
    }
  }
  return undefined;
}

async function theSpare(): Promise<string> {
  return await waitUntil(() => (waiting().length === 1 ? waiting()[0] : undefined), { what: "one spare waits" });
}

const netns = (pid: number | undefined): string => readlinkSync(`/proc/${pid}/ns/net`);

describe("a monitor made ahead", () => {
  test("becomes the next pod, in namespaces of its own, and another takes its place", async () => {
    const spare = await theSpare();
    const pid = monitorPid(spare);
    await waitUntil(() => netns(pid) !== readlinkSync("/proc/self/ns/net"), {
      what: "the spare has a network of its own",
    });
    const pod = await bed.runPod();
    expect(pod.id).toBe(spare);
    expect(monitorPid(pod.id)).toBe(pid);
    expect((await pod.status()).network?.ip).not.toBe("");
    expect(await bed.output(pod, "cat /proc/sys/kernel/hostname")).toBe(pod.config.hostname ?? "");
    const next = await theSpare();
    expect(next).not.toBe(spare);
  });

  test("is not for a pod of other namespaces", async () => {
    const spare = await theSpare();
    const linux = { securityContext: { namespaceOptions: { network: NamespaceMode.NODE } } };
    const pod = await bed.runPod({ hostname: "", linux });
    expect(pod.id).not.toBe(spare);
    expect(netns(monitorPid(pod.id))).toBe(readlinkSync("/proc/self/ns/net"));
    // Such pods have been seen on this node now: from here on one waits for each kind.
    await waitUntil(() => waiting().length === 2, { what: "a spare for each kind of pod" });
  });

  test("that was killed is not handed out", async () => {
    for (const id of waiting()) process.kill(monitorPid(id) ?? 0, "SIGKILL");
    await waitUntil(() => spareIds().length === 0, { what: "the directories of the killed are gone" });
    const pod = await bed.runPod();
    expect(await bed.output(pod, "echo well")).toBe("well");
  });

  test("ends with a daemon that is killed, and the next start sweeps what is left", async () => {
    await bed.runPod().then((pod) => pod.remove());
    await waitUntil(() => waiting().length > 0, { what: "a spare waits" });
    const left = waiting();
    const pids = left.map((id) => monitorPid(id));
    await bed.engine.kill9();
    await waitUntil(() => pids.every((pid) => !existsSync(`/proc/${pid}/ns/net`)), { what: "the spares have ended" });
    await bed.engine.start();
    for (const id of left) expect(existsSync(join(pods(), id))).toBe(false);
  });

  test("is no pod to any client, and goes when the daemon stops", async () => {
    await waitUntil(() => waiting().length > 0, { what: "a spare waits" });
    const [spare = ""] = waiting();
    expect((await bed.cri.runtime.listPodSandbox({})).items).toEqual([]);
    const status = bed.cri.runtime.podSandboxStatus({ podSandboxId: spare });
    expect(await status.then(String, String)).toMatch(/not_found/);
    await bed.engine.stop();
    await waitUntil(() => monitorPid(spare) === undefined, { what: "no spare is left" });
    expect(existsSync(join(pods(), spare))).toBe(false);
  });
});
