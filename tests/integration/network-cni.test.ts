import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SandboxId } from "../../src/ids/object-id.ts";
import { newSandboxId } from "../../src/ids/object-id.ts";
import type { HostPath } from "../../src/ids/path.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { createPodNetwork } from "../../src/network/pod-network.ts";
import type { PodNetwork } from "../../src/network/port.ts";
import type { Log } from "../../src/observe/log.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { writeBridgeNetwork } from "../harness/cni-config.ts";
import { ask, NetworkLab, podRequest, sh } from "../harness/network-lab.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bridge = "cribcnitest0";
const binDirs = ["/opt/cni/bin", "/usr/lib/cni"] as readonly string[] as readonly HostPath[];
const directory = mkdtempSync("/tmp/crib-cni-");
const leases = join(directory, "cni-ipam", bridge);
const signal = new AbortController().signal;
const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const missing = ["bridge", "portmap", "host-local"].filter((type) =>
  binDirs.every((bin) => !existsSync(join(bin, type))),
);
const skip = missing.length > 0 ? `CNI plugins ${missing.join(", ")} are not installed` : "";
if (skip !== "") process.stderr.write(`skipped: ${skip}\n`);

let lab: NetworkLab;
let network: PodNetwork;
let configDir: string;

function createNetwork(plugins: readonly HostPath[] = binDirs): PodNetwork {
  return createPodNetwork({
    kernel: createLinuxKernel(),
    config: {
      root: directory as HostPath,
      state: directory as HostPath,
      network: { bridge: "cribcnitest1", subnet: "10.216.0.0/16", mtu: 0, antiSpoofing: true },
      cni: { configDir: configDir as HostPath, binDirs: plugins, pluginTimeoutMs: 10_000 },
    },
    log: silent,
    clock: createSystemClock(),
  });
}

const leased = (): readonly string[] => readdirSync(leases).filter((name) => /^\d/.test(name));

beforeEach(() => {
  lab = new NetworkLab("cribcnitest-");
  configDir = writeBridgeNetwork(directory, bridge, "10.215.0.0/24");
  network = createNetwork();
});
afterEach(async () => {
  await lab[Symbol.asyncDispose]();
  await network.close();
  sh(`ip link del ${bridge} 2>/dev/null || true`);
});
afterAll(() => rmSync(directory, { recursive: true }));

describe.skipIf(skip !== "")("Debian's bridge, host-local and portmap", () => {
  test("a pod gets an address and a host port, and leaves nothing", async () => {
    const request = podRequest(newSandboxId(), lab.namespace("a"), [
      { protocol: "tcp", hostPort: 18070, containerPort: 8080, hostIp: "" },
    ]);
    expect(await network.status()).toEqual({ ready: true, reason: "", message: "" });
    const attachment = await network.attach(request, signal);
    expect(attachment.provider).toBe("cni");
    expect(attachment.ips).toEqual(["10.215.0.2"]);
    await lab.serve(request.netns, "a", 8080);
    expect(ask(undefined, "10.215.0.2", 8080)).toBe("a 10.215.0.1");
    expect(ask(undefined, "10.215.0.1", 18070)).toStartWith("a ");
    expect((await network.interfaceStats(request.netns)).map(({ name }) => name)).toEqual(["eth0"]);

    // The configuration of the ADD is used, whatever became of the file.
    rmSync(configDir, { recursive: true });
    await network.detach(request, attachment);
    await network.detach(request, attachment);
    expect(leased()).toEqual([]);
    expect(sh(`ip -o link show master ${bridge}`)).toBe("");
    expect(sh("nft list ruleset")).not.toContain("18070");
  });

  test("DEL works when the namespace is gone", async () => {
    const request = podRequest(newSandboxId(), lab.namespace("a"));
    const attachment = await network.attach(request, signal);
    lab.removeNamespace(request.netns);
    await network.detach(request, attachment);
    expect(leased()).toEqual([]);
  });

  test("an ADD that fails gives its address back and names the plugin", async () => {
    const request = podRequest(newSandboxId(), "/run/netns/cribcnitest-none" as HostPath);
    await expect(network.attach(request, signal)).rejects.toThrow(
      /CNI network "cribcnitest0": plugin "bridge" ADD failed: .*cribcnitest-none/,
    );
    expect(existsSync(leases) ? leased() : []).toEqual([]);
  });

  test("eight pods at once get eight addresses", async () => {
    const requests = Array.from({ length: 8 }, (_, i) => podRequest(newSandboxId(), lab.namespace(`${i}`)));
    const attachments = await Promise.all(requests.map((request) => network.attach(request, signal)));
    expect(new Set(attachments.flatMap(({ ips }) => ips)).size).toBe(8);
    await Promise.all(requests.map((request, i) => network.detach(request, attachments[i])));
    expect(leased()).toEqual([]);
  });

  test("a pod of the built-in network is taken down by it after a CNI configuration appeared", async () => {
    rmSync(configDir, { recursive: true });
    const request = podRequest(newSandboxId(), lab.namespace("a"));
    const attachment = await network.attach(request, signal);
    expect(attachment.provider).toBe("builtin");
    writeBridgeNetwork(directory, bridge, "10.215.0.0/24");
    const other = podRequest(newSandboxId(), lab.namespace("b"));
    expect((await network.attach(other, signal)).provider).toBe("cni");
    await network.detach(request, attachment);
    expect(sh("ip -o link show master cribcnitest1")).toBe("");
    // One whose ADD was never recorded: the present configuration is the best guess.
    await network.detach(other, undefined);
    expect(leased()).toEqual([]);
  });
});

test("a cached path that is no namespace any more is not given to the plugins", async () => {
  const plugins = await stub(
    'env > $0.env.$CNI_COMMAND; echo \'{"cniVersion":"1.0.0","ips":[{"address":"10.215.9.9/24"}]}\'',
    "1.0.0",
  );
  const stale = join(directory, "stale") as HostPath;
  writeFileSync(stale, "");
  const request = podRequest(newSandboxId(), stale);
  await network.detach(request, await network.attach(request, signal));
  expect(readFileSync(join(plugins, "stub.env.DEL"), "utf8")).toContain("CNI_NETNS=\n");
});

test("GC keeps live pods' attachments, and a new pod waits for it", async () => {
  const plugins = await stub(
    '[ $CNI_COMMAND = GC ] && { sleep 0.3; cat > $0.gc; exit 0; }; [ $CNI_COMMAND = ADD ] && { [ -f $0.gc ] || exit 1; echo \'{"ips":[{"address":"10.215.9.9/24"}]}\'; }; exit 0',
    "1.1.0",
  );
  const live = "f".repeat(64) as SandboxId;
  const request = podRequest(live, "/run/netns/none" as HostPath);
  const attachment = { provider: "cni", ips: ["10.215.9.8"], portMappings: [], result: {}, cniConfig: {} } as const;
  await network.reconcile([{ request, attachment }]);
  expect(existsSync(join(plugins, "stub.gc"))).toBe(false);
  await network.attach(podRequest(newSandboxId(), "/run/netns/none" as HostPath), signal);
  const given = JSON.parse(readFileSync(join(plugins, "stub.gc"), "utf8"));
  expect(given["cni.dev/valid-attachments"]).toEqual([{ containerID: live, ifname: "eth0" }]);
});

test("the status is never waited for and follows what STATUS says", async () => {
  const plugins = await stub(
    '[ -f $0.well ] && exit 0; sleep 0.2; echo \'{"code":50,"msg":"agent is down"}\'; exit 1',
    "1.1.0",
  );
  expect(await network.status()).toMatchObject({ ready: false, reason: "CNIStatusPending" });
  await waitUntil(async () => (await network.status()).message.includes("agent is down"), { what: "the first STATUS" });
  // Within its lifetime the answer is kept: a kubelet that asks every second starts no process a second.
  writeFileSync(join(plugins, "stub.well"), "");
  expect((await network.status()).ready).toBe(false);
});

/** Replaces the configuration by one plugin `stub` with this shell body; returns its directory. */
async function stub(body: string, cniVersion: string): Promise<string> {
  const plugins = mkdtempSync(join(directory, "plugins-"));
  writeFileSync(join(plugins, "stub"), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  rmSync(configDir, { recursive: true });
  mkdirSync(configDir);
  writeFileSync(
    join(configDir, "10-stub.conflist"),
    JSON.stringify({ cniVersion, name: "stub", plugins: [{ type: "stub" }] }),
  );
  await network.close();
  network = createNetwork([plugins as HostPath]);
  return plugins;
}
