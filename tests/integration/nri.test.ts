import { afterEach, describe, expect } from "bun:test";
import { join } from "node:path";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { connectPlugin, type Script, type ScriptedPlugin } from "../fixtures/scripted-plugin.ts";
import { outcomeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();
const nri = onlyCrib("has its own socket for plugins");
const clock = createSystemClock();
const connected: ScriptedPlugin[] = [];

afterEach(() => {
  for (const plugin of connected.splice(0)) plugin[Symbol.dispose]();
});

async function connect(script: Script = {}): Promise<ScriptedPlugin> {
  const plugin = await connectPlugin(join(bed.engine.directory, "nri.sock"), clock, script);
  connected.push(plugin);
  await waitUntil(() => plugin.told.length > 0, { what: "the plugin is told of the node" });
  return plugin;
}

const toldOf = (plugin: ScriptedPlugin, id: string) =>
  plugin.told.filter((line) => line.endsWith(`:${id}`)).map((line) => line.split(":")[0]);

describe("a plugin", () => {
  nri("is told of a pod's and a container's whole life, in order", async () => {
    const plugin = await connect();
    const pod = await bed.runPod();
    const container = await bed.create(pod, { command: ["sleep", "1000"] });
    await bed.cri.runtime.startContainer({ containerId: container.id });
    await bed.cri.runtime.stopContainer({ containerId: container.id, timeout: 0n });
    await bed.cri.runtime.removeContainer({ containerId: container.id });
    await bed.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
    await bed.cri.runtime.removePodSandbox({ podSandboxId: pod.id });
    expect(toldOf(plugin, pod.id)).toEqual(["run", "stop", "remove"]);
    expect(toldOf(plugin, container.id)).toEqual(["create", "post-create", "start", "post-start", "stop", "remove"]);
  });

  nri("hears of an exit that nobody asked for", async () => {
    const plugin = await connect();
    const container = await bed.create(await bed.runPod(), { command: ["sh", "-c", "exit 3"] });
    await bed.cri.runtime.startContainer({ containerId: container.id });
    await waitUntil(() => toldOf(plugin, container.id).includes("stop"), { what: "the exit is told" });
  });

  nri("changes environment, mounts, devices and limits that the container really has", async () => {
    await connect({
      create: () => ({
        adjust: {
          env: [{ key: "FROM_PLUGIN", value: "yes" }],
          mounts: [{ destination: "/opt/given", type: "bind", source: "/etc", options: ["rbind", "ro"] }],
          rlimits: [{ type: "RLIMIT_NOFILE", soft: 77n, hard: 99n }],
          linux: {
            devices: [{ path: "/dev/given", type: "c", major: 1n, minor: 3n, fileMode: { value: 0o640 } }],
            resources: { memory: { limit: { value: 64n << 20n } } },
          },
        },
      }),
    });
    const limit = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null";
    const script = `echo $FROM_PLUGIN; ls /opt/given/passwd; ulimit -n; stat -c '%F %a' /dev/given; echo x >/dev/given && echo wrote; ${limit}`;
    expect((await bed.output(await bed.runPod(), script)).split("\n")).toEqual([
      "yes",
      "/opt/given/passwd",
      "77",
      "character special file 640",
      "wrote",
      String(64 << 20),
    ]);
  });

  nri("that blocks keeps its pod unseen and no other call waiting", async () => {
    const reached = Promise.withResolvers<void>();
    const plugin = await connect({ configured: { events: 1 }, onRun: () => reached.promise });
    const running = bed.runPod();
    await waitUntil(() => plugin.told.some((line) => line.startsWith("run:")), { what: "the plugin is asked" });
    const id = plugin.told.at(-1)?.slice("run:".length) ?? "";
    expect((await bed.cri.runtime.listPodSandbox({})).items.map((pod) => pod.id)).not.toContain(id);
    const early = bed.cri.runtime.createContainer({ podSandboxId: id, config: { metadata: { name: "early" } } });
    expect((await outcomeOf(early)).code).not.toBe("OK");
    reached.resolve();
    expect((await running).id).toBe(id);
  });

  nri("that refuses a pod leaves nothing of it", async () => {
    const plugin = await connect({ configured: { events: 1 }, onRun: () => Promise.reject(new Error("not here")) });
    const outcome = await outcomeOf(bed.runPod());
    expect(outcome.message).toContain("plugin 10-scripted: RunPodSandbox: not here");
    expect((await bed.cri.runtime.listPodSandbox({})).items).toEqual([]);
    plugin[Symbol.dispose]();
    await bed.runPod();
  });

  nri("that goes is not missed, and may come back after the daemon was killed", async () => {
    const first = await connect();
    const pod = await bed.runPod();
    first[Symbol.dispose]();
    await bed.engine.kill9();
    await bed.engine.start();
    const again = await connect();
    expect(again.told[0]).toBe("synchronize:1+0");
    await bed.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
    expect(toldOf(again, pod.id)).toEqual(["stop"]);
  });
});
