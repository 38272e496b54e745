import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { ContainerState, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { codeOf, outcomeOf } from "../harness/error-code.ts";
import { say } from "../harness/say.ts";
import { handlerLines, missingFor, type Shim, shimPid, triedShims } from "../harness/shims.ts";
import { openCommand } from "../harness/stream-clients.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const shims = triedShims.filter((shim) => missingFor(shim) === undefined);
for (const shim of triedShims.filter((one) => !shims.includes(one))) {
  say(`pods of the shim ${shim.name} are not tried: ${missingFor(shim)}`);
}

const bed = useTestBed({ runtime: shims.flatMap(handlerLines) });

/** Processes that name the pod: its shim, what that left, and who stands for its containers. */
function processesOf(pod: string): readonly string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(pod);
    } catch {
      return false;
    }
  });
}

const gone = (pod: string) => waitUntil(() => processesOf(pod).length === 0, { what: `the end of all of pod ${pod}` });

describe.each(shims.map((shim): [string, Shim] => [shim.name, shim]))(
  "a pod of the handler %s",
  (name, { sharesKernel, needsListener }) => {
    test("runs, logs, exits and is removed as any other, and leaves nothing", async () => {
      const pod = await bed.runPod({}, name);
      const container = await bed.run(pod, { command: ["sh", "-c", "echo out; echo err >&2; exit 7"] });
      expect(await container.waitExit()).toMatchObject({ exitCode: 7 });
      await container.waitLog("err");
      expect(container.text()).toBe("out\n");
      await container.remove();
      await pod.stop();
      await gone(pod.id);
      await pod.remove();
    });

    test("has the pod's name and address, and its containers their limits", async () => {
      const pod = await bed.runPod({ hostname: "inside" }, name);
      const one = await bed.runIdle(pod);
      const two = await bed.runIdle(pod);
      expect(await one.sh("hostname")).toBe("inside");
      expect(await one.sh("ip -4 addr show eth0")).toContain(await pod.ip());
      expect(await two.sh("ip -4 addr show eth0")).toContain(await pod.ip());
      expect((await one.exec(["sh", "-c", "echo out; exit 3"])).exitCode).toBe(3);
      expect(await codeOf(one.exec(["/no/such/command"]))).toBe("FailedPrecondition");
      if (!sharesKernel) return;
      const { stats } = await bed.cri.runtime.containerStats({ containerId: one.id });
      expect(stats?.memory?.usageBytes?.value ?? 0n).toBeGreaterThan(0n);
    });

    test("shows nothing of the host's files at the process that stands for a container", async () => {
      const container = await bed.runIdle(await bed.runPod({}, name));
      const root = readdirSync(`/proc/${await container.pid()}/root`);
      expect(root).toContain("bin");
      expect(root).not.toContain("work");
      expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(container.id);
    });

    test("has the terminal it asks for, of the size that its client has", async () => {
      const command = ["sh", "-c", "test -t 0 && echo ready; read line; stty size; echo got $line; exit 4"];
      const container = await bed.run(await bed.runPod({}, name), { tty: true, stdin: true, command });
      await container.waitLog("ready");
      const flags = { stdin: true, stdout: true, stderr: false, tty: true };
      const { url } = await bed.cri.runtime.attach({ containerId: container.id, ...flags });
      using client = await openCommand("websocket", url, true);
      client.resize(132, 43);
      await waitUntil(async () => (await container.sh("stty size < /proc/1/fd/0")) === "43 132", {
        what: "the size of the client's terminal",
      });
      client.send(new TextEncoder().encode("typed\n"));
      expect(await container.waitExit()).toMatchObject({ exitCode: 4 });
      expect(await container.waitLog("got typed")).toContain("43 132");
    });

    test("a command takes all of its input and has all of its output", async () => {
      const container = await bed.runIdle(await bed.runPod({}, name));
      const flags = { stdin: true, stdout: true, stderr: true, tty: false };
      const { url } = await bed.cri.runtime.exec({
        containerId: container.id,
        cmd: ["sh", "-c", "cat | wc -c"],
        ...flags,
      });
      using client = await openCommand("spdy", url);
      client.send(new Uint8Array(300_000));
      client.end();
      let text = "";
      await waitUntil(
        () => {
          text += client
            .take()
            .map((bytes) => Buffer.from(bytes).toString())
            .join("");
          return text.includes("300000");
        },
        { what: "the count of what was sent" },
      );
    });

    test("a command that takes too long is killed, and the container goes on", async () => {
      const container = await bed.runIdle(await bed.runPod({}, name));
      const work = bed.cri.runtime.execSync({ containerId: container.id, cmd: ["sleep", "1234"], timeout: 1n });
      expect(await codeOf(work)).toBe("DeadlineExceeded");
      await waitUntil(async () => !(await container.sh("ps")).includes("sleep 1234"), {
        what: "the end of the command",
      });
    });

    test("a program that is not there is told in the runtime's words", async () => {
      const container = await bed.create(await bed.runPod({}, name), { command: ["/no/such/program"] });
      expect((await outcomeOf(container.start())).message).toMatch(/\/no\/such\/program.*no such file/);
      expect(await container.status()).toMatchObject({ state: ContainerState.CONTAINER_EXITED, reason: "StartError" });
    });

    test("outlives a daemon that is killed, with its logs and exit codes", async () => {
      const pod = await bed.runPod({}, name);
      const running = await bed.runIdle(pod);
      const seconds = needsListener === true ? 30 : 1;
      const ending = await bed.run(pod, { command: ["sh", "-c", `sleep ${seconds}; echo later; exit 5`] });
      const pid = await running.pid();
      await bed.engine.kill9();
      await bed.engine.start();
      expect(await running.pid()).toBe(pid);
      expect(await running.sh("echo exec works")).toBe("exec works");
      expect(await ending.waitExit(60_000)).toMatchObject({ exitCode: 5 });
      await ending.waitLog("later");
      const fresh = await bed.run(pod, { command: ["sh", "-c", "exit 9"] });
      expect(await fresh.waitExit()).toMatchObject({ exitCode: 9 });
      await running.stop();
      expect(await running.status()).toMatchObject({ exitCode: 137 });
    });

    test("whose shim is killed tells its containers' end, starts no more, and can be removed", async () => {
      const pod = await bed.runPod({}, name);
      const container = await bed.runIdle(pod);
      process.kill(shimPid(bed.engine.state, pod.id), "SIGKILL");
      await container.waitExit();
      const next = await bed.create(pod, { command: ["true"] });
      expect((await outcomeOf(next.start())).message).toContain("shim");
      await pod.stop();
      await pod.remove();
      await gone(pod.id);
    });

    test("whose shim hangs can be stopped and removed", async () => {
      const pod = await bed.runPod({}, name);
      const container = await bed.runIdle(pod);
      process.kill(shimPid(bed.engine.state, pod.id), "SIGSTOP");
      await container.stop();
      expect((await container.status()).state).toBe(ContainerState.CONTAINER_EXITED);
      await pod.stop();
      expect((await pod.status()).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
      await pod.remove();
      await gone(pod.id);
    });
  },
);
