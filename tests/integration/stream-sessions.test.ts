import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { RawWebSocket } from "../fixtures/raw-client.ts";
import { RawSpdy } from "../fixtures/raw-spdy.ts";
import { killingGroupOf } from "../harness/container-group.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { processUse } from "../harness/process-memory.ts";
import type { TestContainer, TestPod } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: what becomes of live sessions when their client, their container or their pod goes. */
const bed = useTestBed();

const flags = { stdin: true, stdout: true, stderr: true, tty: false };

/** A session over SPDY, and how it ended. */
async function overSpdy(url: string) {
  const { port, pathname } = new URL(url);
  const { head, spdy } = await RawSpdy.open(Number(port), pathname, "v4.channel.k8s.io");
  expect(head).toStartWith("HTTP/1.1 101 ");
  const error = spdy.stream({ streamtype: "error" });
  spdy.stream({ streamtype: "stdin" });
  const stdout = spdy.stream({ streamtype: "stdout" });
  spdy.stream({ streamtype: "stderr" });
  return {
    output: () => spdy.text(stdout),
    status: async () => {
      await spdy.ended(error);
      return spdy.text(error);
    },
    ended: () => spdy.client.end(),
    vanish: () => void spdy.client.socket.resetAndDestroy(),
  };
}

async function overWebSocket(url: string) {
  const { port, pathname } = new URL(url);
  const { head, ws } = await RawWebSocket.open(Number(port), pathname, "v5.channel.k8s.io");
  expect(head).toStartWith("HTTP/1.1 101 ");
  return {
    output: () => ws.channel(1),
    status: async () => {
      await ws.closeCode();
      return ws.channel(3);
    },
    ended: () => ws.client.end(),
    vanish: () => void ws.client.socket.resetAndDestroy(),
  };
}

async function forwarding(pod: TestPod, port: string) {
  const { url } = await bed.cri.runtime.portForward({ podSandboxId: pod.id });
  const { spdy } = await RawSpdy.open(Number(new URL(url).port), new URL(url).pathname, "portforward.k8s.io");
  const headers = { port, requestid: "1" };
  const error = spdy.stream({ streamtype: "error", ...headers });
  const data = spdy.stream({ streamtype: "data", ...headers });
  return { spdy, error, data };
}

async function execUrl(container: TestContainer, script: string): Promise<string> {
  return (await bed.cri.runtime.exec({ containerId: container.id, cmd: ["sh", "-c", script], ...flags })).url;
}

async function attachUrl(container: TestContainer): Promise<string> {
  return (await bed.cri.runtime.attach({ containerId: container.id, ...flags })).url;
}

/** Groups below the container's, in the hierarchy that kills. */
async function execGroups(container: TestContainer): Promise<readonly string[]> {
  return readdirSync(await killingGroupOf(container), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

const carriers = [
  ["SPDY", overSpdy],
  ["WebSocket", overWebSocket],
] as const;

describe.each(carriers)("over %s, where it is served,", (name, open) => {
  const onCarrier = onlyCrib(
    name === "SPDY"
      ? "its stream has not ended 10 s after the container, for a client that holds its input open"
      : "Debian's 1.6 serves exec over SPDY alone",
  );

  onlyCrib("leaves what left the process group")(
    "an exec whose client vanishes takes all it started along",
    async () => {
      const container = await bed.runIdle(await bed.runPod());
      const before = await execGroups(container);
      const script = "setsid sleep 4321 & setsid sh -c 'sleep 4322; :' & (sleep 4323 &) ; echo ready; wait";
      const session = await open(await execUrl(container, script));
      await waitUntil(() => session.output() === "ready\n", { what: "the command" });
      expect(await execGroups(container)).toHaveLength(before.length + 1);
      session.vanish();
      await waitUntil(async () => (await container.sh("ps | grep -c '[s]leep 432' || true")) === "0", {
        what: "its processes to be gone",
      });
      await waitUntil(async () => (await execGroups(container)).length === before.length, {
        what: "its group to be gone",
      });
    },
  );

  onCarrier("a pod that stops ends exec, attach and their connections; the exec tells its signal", async () => {
    const pod = await bed.runPod();
    const container = await bed.run(pod, { command: ["sh", "-c", "echo up; exec sleep 1000"], stdin: true });
    const exec = await open(await execUrl(container, "echo ready; exec sleep 4321"));
    const attached = await open(await attachUrl(container));
    await waitUntil(() => exec.output() === "ready\n", { what: "the command" });
    await pod.stop();
    expect(await exec.status()).toContain('"message":"137"');
    await attached.status();
    await Promise.all([exec.ended(), attached.ended()]);
  });

  onCarrier("a container that dies ends its execs with its signal", async () => {
    const container = await bed.run(await bed.runPod(), {
      command: ["sh", "-c", "trap 'exit 9' TERM; read x"],
      stdin: true,
    });
    const exec = await open(await execUrl(container, "echo ready; sleep 4321"));
    await waitUntil(() => exec.output() === "ready\n", { what: "the command" });
    process.kill(await container.pid(), "SIGKILL");
    expect(await exec.status()).toContain('"message":"137"');
    await exec.ended();
  });
});

onlyCrib("its stream has not ended 10 s after the pod")(
  "a port-forward that moves bytes ends with its pod",
  async () => {
    const pod = await bed.runPod();
    await bed.run(pod, { command: ["sh", "-c", "nc -l -p 8078 -e cat /dev/zero"] });
    const forwarded = await waitUntil(
      async () => {
        const attempt = await forwarding(pod, "8078");
        await waitUntil(() => attempt.spdy.client.receivedBytes > 1000, { what: "bytes", boundMs: 1_000 });
        return attempt;
      },
      { what: "the listener" },
    );
    forwarded.spdy.client.socket.pause();
    await pod.stop();
    forwarded.spdy.client.socket.resume();
    await forwarded.spdy.ended(forwarded.data);
    // Its program may have ended no more than its half: the client says when it is done as well.
    forwarded.spdy.end(forwarded.data);
    await forwarded.spdy.ended(forwarded.error);
    forwarded.spdy.client.socket.destroy();
  },
);

onlyCrib("its descriptors are not ours to hold to account")(
  "sessions of pods that stop leave no descriptor",
  async () => {
    const descriptors = () => processUse(bed.engine.pid).descriptors;
    const round = async () => {
      const pod = await bed.runPod();
      const container = await bed.run(pod, {
        command: ["sh", "-c", "while :; do echo x; sleep 0.01; done"],
        stdin: true,
      });
      const sessions = await Promise.all([
        overSpdy(await execUrl(container, "yes")),
        overWebSocket(await execUrl(container, "cat")),
        overSpdy(await attachUrl(container)),
        overWebSocket(await attachUrl(container)),
      ]);
      await pod.stop();
      await Promise.all(sessions.map((session) => session.ended()));
      await pod.remove();
    };
    await round();
    const before = descriptors();
    for (let i = 0; i < 3; i++) await round();
    await waitUntil(() => descriptors() <= before, { what: `${before} descriptors again` });
  },
);

describe("asked for what makes no sense", () => {
  const none = { stdin: false, stdout: false, stderr: false, tty: false };
  const both = { stdin: false, stdout: true, stderr: true, tty: true };

  test.each([
    ["no stream", none],
    ["a terminal with error output", both],
  ])("%s is an invalid argument of exec and attach", async (_what, asked) => {
    const { id: containerId } = await bed.runIdle(await bed.runPod());
    expect(await codeOf(bed.cri.runtime.exec({ containerId, cmd: ["true"], ...asked }))).toBe("InvalidArgument");
    expect(await codeOf(bed.cri.runtime.attach({ containerId, ...asked }))).toBe("InvalidArgument");
  });

  test("unknown containers and pods are not found", async () => {
    const id = "f".repeat(64);
    expect(await codeOf(bed.cri.runtime.exec({ containerId: id, cmd: ["true"], ...flags }))).toBe("NotFound");
    expect(await codeOf(bed.cri.runtime.attach({ containerId: id, ...flags }))).toBe("NotFound");
    expect(await codeOf(bed.cri.runtime.portForward({ podSandboxId: id }))).toBe("NotFound");
  });

  onlyCrib("answers Unknown where crib says FailedPrecondition")("what does not run is refused", async () => {
    const pod = await bed.runPod();
    const { id: containerId } = await bed.create(pod);
    expect(await codeOf(bed.cri.runtime.exec({ containerId, cmd: ["true"], ...flags }))).toBe("FailedPrecondition");
    expect(await codeOf(bed.cri.runtime.attach({ containerId, ...flags }))).toBe("FailedPrecondition");
    await pod.stop();
    expect(await codeOf(bed.cri.runtime.portForward({ podSandboxId: pod.id, port: [80] }))).toBe("FailedPrecondition");
  });

  onlyCrib("takes any number")("ports outside of 1 to 65535 are an invalid argument", async () => {
    const { id: podSandboxId } = await bed.runPod();
    for (const port of [0, -1, 65_536]) {
      expect(await codeOf(bed.cri.runtime.portForward({ podSandboxId, port: [port] }))).toBe("InvalidArgument");
    }
  });
});
