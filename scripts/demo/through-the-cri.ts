import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { humanSize } from "../../src/cli/format/human-size.ts";
import { shortId } from "../../src/cli/format/short-id.ts";
import type { DaemonClient } from "../../src/cli/program/client.ts";
import { parseLogLine } from "../../src/logs/parse-log-line.ts";
import { waitFor } from "./wait-for.ts";

/** Tells what happens: a line under the step's title. */
export type Tell = (line: string) => void;

/** Runs one step under a title and returns what it returns. */
export type Step = <T>(title: string, work: (tell: Tell) => Promise<T>) => Promise<T>;

const image = "crib.local/hello";

/** What a kubelet does with a pod, call by call, on a daemon of our own. Leaves nothing. */
export async function throughTheCri({ runtime, images }: DaemonClient, directory: string, step: Step): Promise<void> {
  const podConfig = {
    metadata: { name: "demo", uid: "demo-uid", namespace: "default", attempt: 0 },
    hostname: "demo",
    logDirectory: `${directory}/logs`,
    linux: {},
  };

  const podSandboxId = await step("RunPodSandbox: namespaces and an address", async (tell) => {
    const { podSandboxId: id } = await runtime.runPodSandbox({ config: podConfig });
    const { status } = await runtime.podSandboxStatus({ podSandboxId: id });
    tell(`pod ${shortId(id)}, address ${status?.network?.ip || "of the host"}`);
    return id;
  });

  const start = async (name: string, args: string[]): Promise<string> => {
    const { containerId } = await runtime.createContainer({
      podSandboxId,
      config: {
        metadata: { name },
        image: { image },
        args,
        logPath: `${name}.log`,
        linux: { resources: { memoryLimitInBytes: 32n << 20n, cpuPeriod: 100_000n, cpuQuota: 50_000n } },
      },
      sandboxConfig: podConfig,
    });
    await runtime.startContainer({ containerId });
    return containerId;
  };

  const containerId = await step("CreateContainer, StartContainer: two of the built-in image", async (tell) => {
    const { image: present } = await images.imageStatus({ image: { image } });
    if (present === undefined) throw new Error(`${image} is not in this executable: build it again with npm run build`);
    const stays = await start("stays", ["sleep", "1000"]);
    const says = await start("says", []);
    tell(`${shortId(stays)} stays, ${shortId(says)} introduces itself; 32 MiB and half a processor each`);
    return stays;
  });

  await step("its log, in the CRI's format, written by the pod's monitor", async (tell) => {
    for (const line of await waitFor("the container says something", () => logLines(`${directory}/logs/says.log`)))
      tell(line);
  });

  await step("ExecSync: a second process in the container that stays", async (tell) => {
    const answer = await runtime.execSync({ containerId, cmd: ["/hello", "cat", "/proc/self/stat"], timeout: 10n });
    const [pid, name, , parent] = Buffer.from(answer.stdout).toString().split(" ");
    tell(`process ${pid} ${name}, parent ${parent}, exit code ${answer.exitCode}`);
    if (answer.exitCode !== 0)
      throw new Error(`exec ended with ${answer.exitCode}: ${Buffer.from(answer.stderr).toString()}`);
  });

  await step("ContainerStats: what it uses", async (tell) => {
    await sleep(50);
    const { stats } = await runtime.containerStats({ containerId });
    const cpuMs = Number(stats?.cpu?.usageCoreNanoSeconds?.value ?? 0n) / 1e6;
    tell(`${cpuMs.toFixed(1)} ms of processor, ${humanSize(stats?.memory?.workingSetBytes?.value ?? 0n)} of memory`);
  });

  await step("StopContainer, RemovePodSandbox", async (tell) => {
    await runtime.stopContainer({ containerId, timeout: 5n });
    const { status } = await runtime.containerStatus({ containerId });
    tell(`ended with ${status?.exitCode} (${status?.reason})`);
    await runtime.removeContainer({ containerId });
    await runtime.stopPodSandbox({ podSandboxId });
    await runtime.removePodSandbox({ podSandboxId });
    const { items } = await runtime.listPodSandbox({});
    tell(`${items.length} pods left`);
  });
}

/** undefined until there is a line. */
function logLines(path: string): string[] | undefined {
  if (!existsSync(path)) return undefined;
  const lines = readFileSync(path)
    .toString("latin1")
    .split("\n")
    .filter((line) => line !== "");
  const contents = lines.map((line) =>
    Buffer.from(parseLogLine(Buffer.from(line, "latin1"))?.content ?? []).toString(),
  );
  return contents.length === 0 ? undefined : contents;
}
