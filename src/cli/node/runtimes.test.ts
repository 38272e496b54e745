import { afterAll, beforeAll, expect, test } from "bun:test";
import { cli } from "../../../tests/fixtures/cli-io.ts";
import { startTestServer, type TestServer } from "../../../tests/fixtures/cri-server.ts";
import { parseHostPath } from "../../ids/path.ts";
import type { RuntimeSample } from "../../pods/port.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const crib: RuntimeSample = {
  name: "crib",
  type: "native",
  isDefault: true,
  program: undefined,
  version: "abc",
  problem: undefined,
  features: { recursiveReadOnlyMounts: true, userNamespaces: true, cgroupNamespaces: true },
  pods: 3,
};
const runc: RuntimeSample = {
  ...crib,
  name: "runc",
  type: "oci",
  isDefault: false,
  program: parseHostPath("/usr/sbin/runc"),
  version: undefined,
  problem: "it exited with 3\u001b[31m",
  features: { recursiveReadOnlyMounts: false, userNamespaces: false, cgroupNamespaces: true },
  pods: 0,
};

test("a table shows each runtime, which is the default, and on the side why one cannot be used", async () => {
  server.pods.examineRuntimes = async () => [crib, runc];
  const { out, err, exitCode } = await cli(["runtimes"], { address: server.path });
  expect(exitCode).toBe(1);
  const [, first, second] = out.split("\n");
  expect(first).toMatch(
    /^crib \(default\) +native +- +abc +recursive-read-only-mounts,user-namespaces,cgroup-namespaces +3$/,
  );
  expect(second).toMatch(/^runc +oci +\/usr\/sbin\/runc +- +cgroup-namespaces +0$/);
  expect(err).toStartWith("runc cannot be used: it exited with 3");
  expect(err).not.toContain("\u001b");
});

test("names and JSON are for scripts, and all is well without a problem", async () => {
  server.pods.examineRuntimes = async () => [crib];
  expect(await cli(["runtimes", "-q"], { address: server.path })).toMatchObject({ out: "crib\n", exitCode: 0 });
  const { out } = await cli(["runtimes", "--json"], { address: server.path });
  expect(JSON.parse(out)).toMatchObject([{ name: "crib", type: "native", default: true, version: "abc", pods: 3 }]);
});
