import { openCommand, openForward, type StreamClient, type StreamProtocol, streamProtocols } from "./stream-clients.ts";
import type { TestBed } from "./test-bed.ts";
import type { TestContainer, TestPod } from "./test-container.ts";
import { waitUntil } from "./wait-until.ts";

const frameBytes = 256 * 1024;
const maxUnsentBytes = 4 * 1024 * 1024;
const transferBoundMs = 600_000;
const flags = { stdin: true, stdout: true };

const attachUrl = async ({ cri, id }: TestContainer) =>
  (await cri.runtime.attach({ containerId: id, ...flags, stderr: true, tty: false })).url;

const execUrl = async ({ cri, id }: TestContainer, cmd: readonly string[], tty = false) =>
  (await cri.runtime.exec({ containerId: id, cmd: [...cmd], ...flags, stderr: !tty, tty })).url;

/** A container that always says something, with an input. */
export async function runTicking(bed: TestBed, pod: TestPod): Promise<TestContainer> {
  return await bed.run(pod, { command: ["sh", "-c", "while :; do echo tick; sleep 0.05; done"], stdin: true });
}

/** Attaches `count` times, over each protocol in turn, and goes away without a word, each way in turn, `parallel` at a time. */
export async function attachAndVanish(container: TestContainer, count: number, parallel: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let turn = next++; turn < count; turn = next++) {
      const client = await openCommand(turn % 2 === 0 ? "spdy" : "websocket", await attachUrl(container));
      // Some go before they were let in, some in the middle of output.
      if (turn % 8 < 2) await waitUntil(() => client.take().length > 0, { what: "output" });
      client.vanish(turn % 4 < 2 ? "reset" : "close");
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

/** Runs `count` execs at once, over each protocol in turn; each must hear its own answer. */
export async function execAtOnce(container: TestContainer, count: number): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const url = await execUrl(container, ["sh", "-c", `read word; echo $word ${at}`]);
      return await openCommand(at % 2 === 0 ? "spdy" : "websocket", url);
    }),
  );
  for (const client of clients) client.send(Buffer.from("answer\n"));
  await Promise.all(
    clients.map(async (client, at) => {
      using _client = client;
      let text = "";
      await waitUntil(
        () => {
          text += Buffer.concat(client.take()).toString();
          return client.closed;
        },
        { what: `the end of exec ${at}`, boundMs: 60_000 },
      );
      if (text !== `answer ${at}\n`) throw new Error(`exec ${at} said ${JSON.stringify(text)}`);
    }),
  );
}

/** Tells a terminal `count` sizes as fast as it can; the last must hold. */
export async function floodResizes(container: TestContainer, protocol: StreamProtocol, count: number): Promise<void> {
  using client = await openCommand(protocol, await execUrl(container, ["sh"], true), true);
  for (let at = 1; at <= count; at++) {
    client.resize(at === count ? 123 : (at % 500) + 1, 45);
    if (at % 1000 === 0) await waitUntil(() => client.unsent < maxUnsentBytes, { what: "sizes to be taken" });
  }
  let text = "";
  await waitUntil(
    () => {
      if (text.length < 10_000) client.send(Buffer.from("stty size\n"));
      text += Buffer.concat(client.take()).toString();
      return text.includes("45 123");
    },
    { what: "the last size", boundMs: 30_000 },
  );
}

/** Sends `bytes` through an exec of cat. @throws when they do not come back as they went */
export async function echoThroughExec(
  container: TestContainer,
  protocol: StreamProtocol,
  bytes: number,
): Promise<void> {
  using client = await openCommand(protocol, await execUrl(container, ["cat"]));
  await echo(client, bytes);
}

/** The same through a port of the pod, at which a program of `container` echoes. */
export async function echoThroughPort(
  container: TestContainer,
  protocol: StreamProtocol,
  port: number,
  bytes: number,
): Promise<void> {
  await container.sh(`nc -l -p ${port} -e cat </dev/null >/dev/null 2>&1 &`);
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  await container.sh(`until grep -q ':${hex} ' /proc/net/tcp /proc/net/tcp6 2>/dev/null; do sleep 0.05; done`);
  const { url } = await container.cri.runtime.portForward({ podSandboxId: container.pod.id, port: [port] });
  using client = await openForward(protocol, url, port);
  await echo(client, bytes);
}

/** Everything above, each over each protocol where it takes one. */
export async function echoEverywhere(container: TestContainer, firstPort: number, bytes: number): Promise<void> {
  for (const [at, protocol] of streamProtocols.entries()) {
    await echoThroughExec(container, protocol, bytes);
    await echoThroughPort(container, protocol, firstPort + at, bytes);
  }
}

async function echo(client: StreamClient, bytes: number): Promise<void> {
  const sent = new Bun.CryptoHasher("sha256");
  const received = new Bun.CryptoHasher("sha256");
  let came = 0;
  const take = () => {
    for (const piece of client.take()) {
      received.update(piece);
      came += piece.length;
    }
  };
  const block = Buffer.alloc(frameBytes);
  for (let at = 0; at < block.length; at++) block[at] = (at * 31 + (at >> 8)) & 0xff;
  const count = Math.ceil(bytes / frameBytes);
  for (let at = 0; at < count; at++) {
    block.writeUInt32LE(at);
    sent.update(block);
    client.send(block);
    await waitUntil(
      () => {
        take();
        return client.unsent < maxUnsentBytes;
      },
      { what: "what was sent to be taken", boundMs: 60_000 },
    );
  }
  await waitUntil(
    () => {
      take();
      return came >= count * frameBytes;
    },
    { what: "all of it", boundMs: transferBoundMs },
  );
  if (sent.digest("hex") !== received.digest("hex"))
    throw new Error(`${came} bytes came back otherwise than they went`);
}
