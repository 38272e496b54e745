import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createFakeClock } from "../../tests/fixtures/fake-clock.ts";
import { RawClient, RawWebSocket } from "../../tests/fixtures/raw-client.ts";
import { execRequest, openStreamingBed, type StreamingBed } from "../../tests/fixtures/streaming-bed.ts";
import { waitUntil } from "../../tests/harness/wait-until.ts";

let bed: StreamingBed;
beforeAll(() => {
  bed = openStreamingBed();
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const version = "Sec-WebSocket-Version: 13";
const webSocket = ["Host: 127.0.0.1", "Connection: keep-alive, Upgrade", "Upgrade: websocket", version, key];
const spdy = ["Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: SPDY/3.1"];
const v4 = "X-Stream-Protocol-Version: v4.channel.k8s.io";

async function ask(method: string, path: string, headers: readonly string[], on = bed, behind = ""): Promise<string> {
  using client = await RawClient.open(on.server.port);
  client.send(`${method} ${path} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n${behind}`);
  const head = await client.head();
  if (head.startsWith("HTTP/1.1 101 ")) return head;
  await client.end();
  return head + client.text;
}

const status = (answer: string) => Number(answer.slice(9, 12));

describe("requests", () => {
  test("the example of RFC 6455 section 1.3", async () => {
    const answer = await ask("GET", bed.pathFor(execRequest), webSocket);
    expect(answer).toContain("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
  });

  test("SPDY takes the client's first version that there is", async () => {
    const versions = ["X-Stream-Protocol-Version: v9.channel.k8s.io, v3.channel.k8s.io", v4];
    const answer = await ask("POST", bed.pathFor(execRequest), [...spdy, ...versions]);
    expect(answer).toBe(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n" +
        "X-Stream-Protocol-Version: v3.channel.k8s.io\r\n\r\n",
    );
  });

  const good = () => bed.pathFor(execRequest);
  const unknown = () => `/exec/${"A".repeat(22)}`;
  test.each<[string, string, () => string, readonly string[], number]>([
    ["an unknown token", "GET", unknown, webSocket, 404],
    ["a token of another kind", "GET", () => good().replace("exec", "attach"), webSocket, 404],
    ["another path", "GET", () => "/", webSocket, 404],
    ["a path behind the token", "GET", () => `${good()}/x`, webSocket, 404],
    ["a path before it", "GET", () => `/cri${good()}`, webSocket, 404],
    ["a short token", "GET", () => "/exec/abc", webSocket, 404],
    ["another method", "PUT", good, spdy, 405],
    ["a preflight", "OPTIONS", good, [...webSocket, "Origin: http://x"], 405],
    ["a POST for a WebSocket", "POST", good, webSocket, 405],
    ["no upgrade", "GET", good, ["Host: localhost"], 426],
    ["an upgrade that the connection does not name", "GET", good, ["Host: localhost", "Upgrade: websocket"], 426],
    ["another upgrade", "GET", good, ["Host: localhost", "Connection: upgrade", "Upgrade: h2c"], 426],
    ["another WebSocket version", "GET", good, webSocket.map((line) => line.replace("13", "8")), 426],
    ["a short key", "GET", good, webSocket.map((line) => line.replace("dGhl", "")), 400],
    ["two keys", "GET", good, [...webSocket, key], 400],
    ["no subprotocol in common", "GET", good, [...webSocket, "Sec-WebSocket-Protocol: v9.channel.k8s.io"], 403],
    ["SPDY without a version", "POST", good, spdy, 400],
    ["SPDY with an unknown version", "POST", good, [...spdy, "X-Stream-Protocol-Version: v9"], 403],
    ["no Host", "GET", good, webSocket.slice(1), 400],
    ["two Hosts", "GET", good, [...webSocket, "Host: 127.0.0.1"], 400],
    ["a body", "POST", good, [...spdy, v4, "Content-Length: 5"], 400],
    ["a chunked body", "POST", good, [...spdy, v4, "Transfer-Encoding: chunked"], 400],
    ["two lengths", "POST", good, [...spdy, v4, "Content-Length: 0", "Content-Length: 7"], 400],
    ["V66: a page of a browser", "GET", good, [...webSocket, "Origin: https://evil.example"], 403],
    ["V66: a rebound name", "GET", good, ["Host: evil.example:1234", ...webSocket.slice(1)], 403],
    [
      "a kubelet that passes on a web console's headers",
      "GET",
      good,
      ["Host: node1:10250", ...webSocket.slice(1), "Origin: https://console", "X-Forwarded-For: 10.0.0.1"],
      101,
    ],
    ["an empty body", "POST", good, [...spdy, v4, "Content-Length: 0"], 101],
    ["a query", "GET", () => `${good()}?a=b`, webSocket, 101],
    ["localhost with a port", "GET", good, ["Host: localhost:1", ...webSocket.slice(1)], 101],
    ["an IPv6 host", "GET", good, ["Host: [::1]:1", ...webSocket.slice(1)], 101],
  ])("%s", async (_what, method, path, headers, expected) => {
    const answer = await ask(method, path(), headers);
    expect(status(answer)).toBe(expected);
    if (expected === 101) return;
    expect(answer).toContain("\r\nConnection: close\r\n");
    // One line for a person.
    expect(answer.slice(answer.indexOf("\r\n\r\n") + 4)).toMatch(/^[^\n]+\n$/);
  });

  test("V66: a used token is as unknown as one there never was, even to another protocol", async () => {
    const path = bed.pathFor(execRequest);
    expect(status(await ask("GET", path, webSocket))).toBe(101);
    const again = await ask("POST", path, [...spdy, v4]);
    expect(again).toBe(await ask("POST", `/exec/${"A".repeat(22)}`, [...spdy, v4]));
  });

  test("V66: a token is spent by a negotiation that fails", async () => {
    const path = bed.pathFor(execRequest);
    expect(status(await ask("POST", path, [...spdy, "X-Stream-Protocol-Version: v9"]))).toBe(403);
    expect(status(await ask("POST", path, [...spdy, v4]))).toBe(404);
  });

  test("V66: whoever guesses is told to slow down, and those who know are still let in", async () => {
    await using own = openStreamingBed({ clock: createFakeClock() });
    const seen: number[] = [];
    for (let at = 0; at < 40; at += 1)
      seen.push(status(await ask("GET", `/exec/${String(at).padStart(22, "A")}`, webSocket, own)));
    expect([seen[0], seen.at(-1)]).toEqual([404, 429]);
    expect(status(await ask("GET", own.pathFor(execRequest), webSocket, own))).toBe(101);
  });

  test("V66: no token is ever logged", async () => {
    await using own = openStreamingBed();
    const path = own.pathFor(execRequest);
    await ask("GET", path, webSocket, own);
    await ask("GET", path, webSocket, own);
    await waitUntil(() => own.server.connections === 0, { what: "the clients to be gone" });
    expect(own.logged.join("\n")).not.toContain(path.split("/")[2] ?? "");
  });

  test("V66: the port is on loopback alone", () => {
    const listening = Bun.spawnSync(["cat", "/proc/net/tcp", "/proc/net/tcp6"]).stdout.toString();
    const port = bed.server.port.toString(16).toUpperCase().padStart(4, "0");
    const own = listening.split("\n").filter((line) => line.includes(`:${port} `) && / 0A /.test(line));
    expect(own.map((line) => line.trim().split(/\s+/)[1])).toEqual([`0100007F:${port}`]);
  });

  test("V67: a second request behind a refused one reaches nobody", async () => {
    const path = bed.pathFor(execRequest);
    const second = `GET ${path} HTTP/1.1\r\n${webSocket.join("\r\n")}\r\n\r\n`;
    const before = bed.pods.execs.length;
    const answer = await ask("GET", "/", webSocket, bed, second);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(bed.pods.execs.length).toBe(before);
    expect(status(await ask("GET", path, webSocket))).toBe(101);
  });

  test("a large head is refused", async () => {
    const answer = await ask(
      "GET",
      "/",
      Array.from({ length: 24 }, (_, at) => `A${at}: ${"a".repeat(3000)}`),
    );
    expect(status(answer)).toBe(431);
  });
});

describe("connections that say nothing", () => {
  test("are given ten seconds, however slowly they speak", async () => {
    const clock = createFakeClock();
    await using own = openStreamingBed({ clock });
    using client = await RawClient.open(own.server.port);
    client.send("GET / HTTP/1.1\r\n");
    await waitUntil(() => clock.sleepers === 1, { what: "the connection" });
    await clock.advance(9000);
    client.send("Host: h\r\n");
    expect(client.ended).toBe(false);
    await clock.advance(1000);
    await client.end();
    expect(status(client.text)).toBe(408);
  });

  test("make room for new ones", async () => {
    await using own = openStreamingBed();
    const clients = await Promise.all(Array.from({ length: 300 }, () => RawClient.open(own.server.port)));
    try {
      await waitUntil(() => own.server.connections <= 256, { what: "the oldest to be closed" });
      const { head, ws } = await RawWebSocket.open(own.server.port, own.pathFor(execRequest), "v4.channel.k8s.io");
      expect(status(head)).toBe(101);
      ws[Symbol.dispose]();
    } finally {
      for (const client of clients) client[Symbol.dispose]();
    }
    await waitUntil(() => own.server.connections === 0, { what: "no connection to be left" });
  });
});
