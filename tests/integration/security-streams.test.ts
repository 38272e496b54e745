import { afterEach, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { constants, deflateSync } from "node:zlib";
import { headerDictionary } from "../../src/streaming/spdy/header-dictionary.ts";
import { RawSpdy } from "../fixtures/raw-spdy.ts";
import { controlFrame, numbers } from "../fixtures/spdy-peer.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { processUse } from "../harness/process-memory.ts";
import { streamProtocols } from "../harness/stream-clients.ts";
import { attachAndVanish, floodResizes, runTicking } from "../harness/stream-storm.ts";
import type { TestPod } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** Root and a real kernel: what hostile stream clients leave behind, and where a forwarded port can lead. */
const bed = useTestBed();
const crib = onlyCrib("not asked");

describe("clients that go without a word", () => {
  crib(
    "V61: 400 that attach and vanish, and 20,000 resizes, leave descriptors, threads, memory and processor as they were (CVE-2022-23471)",
    async () => {
      const container = await runTicking(bed, await bed.runPod());
      const storm = async (clients: number, resizes: number) => {
        await attachAndVanish(container, clients, 16);
        for (const protocol of streamProtocols) await floodResizes(container, protocol, resizes);
      };
      await storm(100, 2000);
      const before = processUse(bed.engine.pid);
      await storm(400, 10_000);
      await waitUntil(() => processUse(bed.engine.pid).descriptors <= before.descriptors, { what: "its descriptors" });
      const after = processUse(bed.engine.pid);
      // The pool of threads grows to its size once.
      expect(after.threads).toBeLessThanOrEqual(before.threads + 8);
      // What the collector has not given back yet is no leak: it does when nobody asks for anything.
      await waitUntil(() => processUse(bed.engine.pid).rssKib - before.rssKib < 64 * 1024, { what: "its memory" });
      // A timer or a loop that each of them left would be seen as work of a daemon that has none.
      await container.stop();
      await waitUntil(async () => (await ticksIn(500)) < 10, { what: "a daemon at rest" });
    },
    60_000,
  );
});

describe("V65: what a SPDY client sends ends its connection and costs the daemon nothing", () => {
  const bomb = (): Uint8Array =>
    deflateSync(new Uint8Array(64 << 20), { dictionary: headerDictionary(), finishFlush: constants.Z_SYNC_FLUSH });
  const synStream = (id: number, block: Uint8Array): Uint8Array =>
    controlFrame(1, Buffer.concat([numbers(id, 0), Uint8Array.of(0, 0), block]));
  const manyHeaders = (): Uint8Array => {
    const block = Buffer.alloc(4 + 1_000_000 * 10);
    block.writeUInt32BE(1_000_000, 0);
    for (let at = 0; at < 1_000_000; at++) block.writeUInt16BE(1, 4 + at * 10 + 2);
    return deflateSync(block, { dictionary: headerDictionary(), finishFlush: constants.Z_SYNC_FLUSH });
  };
  const attacks: Readonly<Record<string, () => readonly Uint8Array[]>> = {
    "a SYN_STREAM of 16 MiB (CVE-2026-35469)": () => [
      Buffer.concat([Uint8Array.of(0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff), new Uint8Array(0xff_ffff)]),
    ],
    "a million headers": () => [synStream(1, manyHeaders())],
    "a bomb of 64 MiB": () => [synStream(1, bomb())],
    "100,000 SETTINGS": () => [Buffer.concat(Array.from({ length: 100_000 }, () => controlFrame(4, numbers(0))))],
    "SETTINGS of 16 MiB": () => [
      Buffer.concat([Uint8Array.of(0x80, 3, 0, 4, 0, 0xff, 0xff, 0xff), new Uint8Array(0xff_ffff)]),
    ],
  };
  for (const [name, bytes] of Object.entries(attacks)) {
    crib(`V65: ${name}`, async () => {
      const container = await bed.runIdle(await bed.runPod());
      const cmd = ["cat"];
      const { url } = await bed.cri.runtime.exec({ containerId: container.id, cmd, stdin: true, stdout: true });
      const { head, spdy } = await RawSpdy.open(Number(new URL(url).port), new URL(url).pathname, "v4.channel.k8s.io");
      using _spdy = spdy;
      expect(head).toStartWith("HTTP/1.1 101 ");
      const before = processUse(bed.engine.pid).rssKib;
      let most = before;
      for (const piece of bytes()) spdy.client.send(piece);
      await waitUntil(
        () => {
          most = Math.max(most, processUse(bed.engine.pid).rssKib);
          return spdy.client.ended || spdy.client.closed;
        },
        { what: "the connection's end" },
      );
      expect(most - before).toBeLessThan(24 * 1024);
      expect(await container.sh("ps | grep -c '[c]at$' || true")).toBe("0");
    });
  }
});

describe("V68: a port that is forwarded", () => {
  const hosts: Server[] = [];
  const undo: (() => void)[] = [];
  afterEach(() => {
    for (const step of undo.splice(0).toReversed()) step();
    for (const server of hosts.splice(0)) server.close();
  });
  /** Listens on the host's loopback, where no pod's port may lead. */
  const listenOnHost = async (): Promise<{ readonly port: number; readonly reached: () => number }> => {
    let reached = 0;
    const server = createServer((socket) => {
      reached += 1;
      socket.end("host\n");
    });
    hosts.push(server);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no port");
    return { port: address.port, reached: () => reached };
  };
  const urlOf = async (pod: TestPod) => (await bed.cri.runtime.portForward({ podSandboxId: pod.id })).url;
  /** What a client of this URL hears of this port: from the port, and as an error. */
  const forward = async (url: string, port: number): Promise<readonly [data: string, error: string]> => {
    const { head, spdy } = await RawSpdy.open(Number(new URL(url).port), new URL(url).pathname, "portforward.k8s.io");
    using _spdy = spdy;
    expect(head).toStartWith("HTTP/1.1 101 ");
    const headers = { port: String(port), requestid: "1" };
    const error = spdy.stream({ streamtype: "error", ...headers });
    const data = spdy.stream({ streamtype: "data", ...headers });
    await waitUntil(() => spdy.text(error) !== "" || spdy.text(data) !== "", { what: "an answer" });
    return [spdy.text(data), spdy.text(error)];
  };
  const netnsOf = (pod: TestPod): string => join(bed.engine.state, "netns", pod.id);
  const sh = (...command: string[]): void => {
    const { exitCode, stderr } = Bun.spawnSync(command);
    if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  };

  crib("V68: to a pod where nobody listens does not reach the host that does", async () => {
    const host = await listenOnHost();
    const [data, error] = await forward(await urlOf(await bed.runPod()), host.port);
    expect([data, host.reached()]).toEqual(["", 0]);
    expect(error).toContain("ECONNREFUSED");
  });

  crib("V68: to a pod that was stopped is refused, also with the URL of before", async () => {
    const host = await listenOnHost();
    const pod = await bed.runPod();
    const url = await urlOf(pod);
    await pod.stop();
    expect(await codeOf(bed.cri.runtime.portForward({ podSandboxId: pod.id }))).not.toBe("OK");
    const [data, error] = await forward(url, host.port);
    expect([data, host.reached()]).toEqual(["", 0]);
    expect(error).toContain("not ready");
  });

  crib("V68: after a reboot, which leaves the path and takes the namespace, reaches nothing", async () => {
    const host = await listenOnHost();
    const pod = await bed.runPod();
    await bed.engine.kill9();
    sh("umount", "-l", netnsOf(pod));
    await bed.engine.start();
    const url = await urlOf(pod);
    const [data, error] = await forward(url, host.port);
    expect([data, host.reached()]).toEqual(["", 0]);
    expect(error).not.toBe("");
  });

  crib("V68: whose path has become the host's own namespace is refused", async () => {
    const host = await listenOnHost();
    const pod = await bed.runPod();
    sh("mount", "--bind", "/proc/self/ns/net", netnsOf(pod));
    undo.push(() => sh("umount", "-l", netnsOf(pod)));
    const [data, error] = await forward(await urlOf(pod), host.port);
    expect([data, host.reached()]).toEqual(["", 0]);
    expect(error).toContain("is gone");
  });

  crib("V68: whose path is another pod's namespace, or no namespace at all, is refused", async () => {
    const [pod, other] = [
      await bed.runPod(),
      await bed.runPod({ metadata: { name: "other", uid: "other", namespace: "v68", attempt: 0 } }),
    ];
    await bed.run(other, { command: ["sh", "-c", "while true; do nc -l -p 8068 -e echo other; done"] });
    await waitUntil(async () => (await forward(await urlOf(other), 8068))[0] === "other\n", { what: "the other pod" });
    for (const target of [netnsOf(other), "/dev/null", "/proc/self/ns/uts"]) {
      sh("mount", "--bind", target, netnsOf(pod));
      try {
        const [data, error] = await forward(await urlOf(pod), 8068);
        expect([target, data, error === ""]).toEqual([target, "", false]);
      } finally {
        sh("umount", "-l", netnsOf(pod));
      }
    }
  });
});

/** Processor time that the daemon uses in this time, in hundredths of a second. */
async function ticksIn(ms: number): Promise<number> {
  const used = () => {
    const fields = readFileSync(`/proc/${bed.engine.pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  const before = used();
  await Bun.sleep(ms);
  return used() - before;
}
