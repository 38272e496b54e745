import { expect, test } from "bun:test";
import { cli } from "../../../tests/fixtures/cli-io.ts";
import { startTestServer } from "../../../tests/fixtures/cri-server.ts";
import type { Digest } from "../../ids/digest.ts";
import type { CheckStep } from "../../images/port.ts";

const digest = `sha256:${"ab".repeat(32)}` as Digest;
const lost: CheckStep = {
  kind: "finding",
  part: "layer",
  digest,
  problem: "wrong-digest",
  images: ["reg.example/app:1"],
  outcome: "lost",
  error: { code: "unavailable", message: "registry https://reg.example: connection refused" },
};

test("a whole store is told on one line", async () => {
  await using server = await startTestServer();
  const { exitCode, out } = await cli(["check"], { address: server.path });
  expect(out).toBe("2 blobs and layers, 1 KiB: all whole\n");
  expect(exitCode).toBe(0);
});

test("damage is told with its images, and the exit code says whether any is left", async () => {
  await using server = await startTestServer();
  server.images.damage.push(lost);
  const { exitCode, out } = await cli(["check", "--repair"], { address: server.path });
  expect(out).toContain(
    "layer abababababab has other bytes: set aside, and not to be had again: registry https://reg.example",
  );
  expect(out).toContain("  of reg.example/app:1\n");
  expect(out).toContain("1 damaged, 1 not repaired; pull their images again");
  expect(exitCode).toBe(1);
  server.images.damage.splice(0, 1, { ...lost, outcome: "repaired", error: undefined });
  const json = await cli(["check", "--repair", "--json"], { address: server.path });
  expect(json.exitCode).toBe(0);
  expect(JSON.parse(json.out)).toMatchObject({
    items: "2",
    findings: [{ outcome: "repaired", problem: "wrong-digest" }],
  });
});
