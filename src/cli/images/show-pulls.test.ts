import { expect, test } from "bun:test";
import { cli, createTestIo } from "../../../tests/fixtures/cli-io.ts";
import { startTestServer } from "../../../tests/fixtures/cri-server.ts";
import { waitUntil } from "../../../tests/harness/wait-until.ts";
import type { Digest } from "../../ids/digest.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { PullUnderWay } from "../../images/port.ts";
import { runCli } from "../program/program.ts";

const pull: PullUnderWay = {
  id: 4,
  reference: "reg.example/app:1",
  askers: ["cri", "cli"],
  startedAtNs: 5n as UnixNanos,
  digest: undefined,
  layers: [
    {
      digest: `sha256:${"ab".repeat(32)}` as Digest,
      phase: "downloading",
      doneBytes: 10n << 20n,
      totalBytes: 30n << 20n,
      bytesPerSecond: 2 << 20,
      msLeft: 10_000,
      sender: { origin: "https://mirror.example", isMirror: true },
    },
  ],
};

test("pulls under way are shown with bytes, rate, time left and server", async () => {
  await using server = await startTestServer();
  expect((await cli(["images", "--pulling"], { address: server.path })).out).toBe("nothing is being pulled\n");
  server.images.underWay.push(pull);
  const { out } = await cli(["images", "--pulling"], { address: server.path });
  const words =
    "reg.example/app:1 cri,cli abababababab downloading 10 MiB 30 MiB 2 MiB/s 10s https://mirror.example (mirror)";
  for (const word of words.split(" ")) expect(out).toContain(word);
  const json: unknown = JSON.parse((await cli(["images", "--pulling", "--json"], { address: server.path })).out);
  expect(json).toMatchObject([
    { reference: "reg.example/app:1", layers: [{ bytesPerSecond: "2097152", mirror: true }] },
  ]);
});

test("who watches gets what is under way first, and leaves with Ctrl-C", async () => {
  await using server = await startTestServer();
  server.images.underWay.push(pull);
  const io = createTestIo({ address: server.path });
  const exit = runCli(["images", "--pulling", "--watch"], io);
  await waitUntil(() => io.out.includes("\n"), { what: "the pull is told" });
  expect(io.out).toEndWith("pulling reg.example/app:1 0/1 layers, 10 MiB of 30 MiB, 2 MiB/s\n");
  io.interrupt();
  expect(await exit).toBe(0);
  expect((await cli(["images", "--watch"], { address: server.path })).exitCode).toBe(2);
});
