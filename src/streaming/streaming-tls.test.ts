import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { createFakeClock, type FakeClock } from "../../tests/fixtures/fake-clock.ts";
import { RawClient, RawWebSocket } from "../../tests/fixtures/raw-client.ts";
import { execRequest, openStreamingBed, type StreamingBed } from "../../tests/fixtures/streaming-bed.ts";
import { testTls } from "../../tests/fixtures/test-tls.ts";
import { waitUntil } from "../../tests/harness/wait-until.ts";
import type { HostPath } from "../ids/path.ts";

const directory = mkdtempSync(join(tmpdir(), "crib-streaming-tls-"));
const certFile = join(directory, "cert.pem") as HostPath;
const keyFile = join(directory, "key.pem") as HostPath;
const lookEveryMs = 10_000;

let clock: FakeClock;
let bed: StreamingBed;
beforeAll(() => {
  install(testTls.serverCert, testTls.serverKey);
  clock = createFakeClock();
  bed = openStreamingBed({ clock, tls: { certFile, keyFile } });
});
beforeEach(async () => {
  install(testTls.serverCert, testTls.serverKey);
  await clock.advance(lookEveryMs);
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

function install(cert: string, key: string): void {
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
}

async function openExec() {
  const { head, ws } = await RawWebSocket.open(bed.server.port, bed.pathFor(execRequest), "v5.channel.k8s.io", {
    ca: testTls.ca,
  });
  expect(head).toStartWith("HTTP/1.1 101 ");
  await waitUntil(() => bed.pods.execs.at(-1)?.process.listening, { what: "the process" });
  const process = bed.pods.execs.at(-1)?.process;
  if (process === undefined) throw new TypeError("no process");
  return { ws, process };
}

/** The name in the certificate a client is shown. */
async function shownName(): Promise<string | undefined> {
  using client = await RawClient.open(bed.server.port, { ca: testTls.ca });
  if (!(client.socket instanceof TLSSocket)) throw new TypeError("not a TLS socket");
  const name = client.socket.getPeerCertificate().subject?.CN;
  return Array.isArray(name) ? name[0] : name;
}

test("an exec over TLS has an https URL, and carries more than one record each way", async () => {
  expect(bed.urlFor(execRequest)).toStartWith(`https://127.0.0.1:${bed.server.port}/exec/`);
  const { ws, process } = await openExec();
  using _ws = ws;
  ws.send(2, "x".repeat(300_000), 0);
  await waitUntil(() => process.stdinText.length === 300_000, { what: "the input" });
  process.print("y".repeat(300_000));
  await ws.until("the output", () => ws.channel(1).length === 300_000);
  process.exit(5);
  expect(await ws.closeCode()).toBe(1000);
  expect(JSON.parse(ws.channel(3)).details.causes[0].message).toBe("5");
});

test("a client that speaks plain HTTP, or trusts nobody we know, learns nothing", async () => {
  using plain = await RawClient.open(bed.server.port);
  plain.send(`GET ${bed.pathFor(execRequest)} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
  await plain.end();
  expect(plain.text).not.toContain("HTTP/1.1");
  await expect(RawClient.open(bed.server.port, {})).rejects.toThrow();
});

test("a changed certificate is served to new clients, and sessions go on", async () => {
  const { ws, process } = await openExec();
  using _ws = ws;
  expect(await shownName()).toBe("server");
  install(testTls.clientCert, testTls.clientKey);
  await clock.advance(lookEveryMs);
  await waitUntil(async () => (await shownName()) === "client", { what: "the new certificate" });
  ws.send(2, "still here", 0);
  await waitUntil(() => process.stdinText === "still here", { what: "the input" });
  process.print("yes");
  await ws.until("the output", () => ws.channel(1) === "yes");
  const after = await openExec();
  using _after = after.ws;
  after.process.print("me too");
  await after.ws.until("the output of a new session", () => after.ws.channel(1) === "me too");
});

test("a certificate that is not its key's is refused, and the old one stays", async () => {
  expect(await shownName()).toBe("server");
  install(testTls.clientCert, testTls.serverKey);
  await clock.advance(lookEveryMs);
  expect(bed.logged.join("\n")).toContain("certificate not reloaded");
  expect(await shownName()).toBe("server");
});
