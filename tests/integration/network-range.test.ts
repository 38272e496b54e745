import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newSandboxId } from "../../src/ids/object-id.ts";
import type { HostPath } from "../../src/ids/path.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { createPodNetwork } from "../../src/network/pod-network.ts";
import type { NetworkAttachment, PodNetwork, PodNetworkRequest } from "../../src/network/port.ts";
import type { Log } from "../../src/observe/log.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { ask, NetworkLab, podRequest, sh } from "../harness/network-lab.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bridge = "cribrange0";
const other = "cribrangeo";
const world = "cribrangew";
const signal = new AbortController().signal;
const warnings: string[] = [];
const log: Log = { debug: () => {}, info: () => {}, warn: (_, message) => warnings.push(message), error: () => {} };
const directory = mkdtempSync("/tmp/crib-range-") as HostPath;
const file = join(directory, "pod-range.json");

let lab: NetworkLab;
let network: PodNetwork;
let attached: PodNetworkRequest[] = [];

function createNetwork(subnet?: string): PodNetwork {
  return createPodNetwork({
    kernel: createLinuxKernel(),
    config: {
      root: directory,
      state: directory,
      network: { bridge, subnet, mtu: 0, antiSpoofing: true },
      cni: { configDir: join(directory, "net.d") as HostPath, binDirs: [], pluginTimeoutMs: 5000 },
    },
    log,
    clock: createSystemClock(),
  });
}

interface Pod {
  readonly request: PodNetworkRequest;
  readonly attachment: NetworkAttachment;
}

async function addPod(name: string): Promise<Pod> {
  const request = podRequest(newSandboxId(), lab.namespace(name));
  const attachment = await network.attach(request, signal);
  attached.push(request);
  return { request, attachment };
}

/** "10.86": the range has 16 bits. */
const rangeOf = ({ attachment }: Pod): string => /^\d+\.\d+/.exec(attachment.ips[0] ?? "")?.[0] ?? "";

function occupy(link: string, address: string): void {
  sh(`ip link add ${link} type bridge && ip addr add ${address} dev ${link} && ip link set ${link} up`);
}

function residue(): string {
  return sh(`ip -o link | grep -F ${bridge} || true; nft list tables | grep -F ${bridge} || true`);
}

beforeEach(() => {
  lab = new NetworkLab("cribrange-");
  attached = [];
  warnings.length = 0;
  network = createNetwork();
});
afterEach(async () => {
  for (const request of attached) await network.detach(request, undefined);
  await lab[Symbol.asyncDispose]();
  await network.close();
  for (const link of [other, world]) sh(`ip link del ${link} 2>/dev/null || true`);
  sh("ip route flush proto 77 type blackhole 2>/dev/null || true");
  rmSync(file, { force: true });
  await waitUntil(() => residue() === "", { what: "the links and rules of removed pods to end" });
});
afterAll(() => rmSync(directory, { recursive: true }));

test("a range that nobody named avoids the node's interfaces and routes, and is kept when they are gone", async () => {
  const first = rangeOf(await addPod("first"));
  for (const request of attached.splice(0)) await network.detach(request, undefined);
  await network.close();
  rmSync(file);
  await waitUntil(() => residue() === "", { what: "the first bridge to end" });

  occupy(other, `${first}.0.1/16`);
  network = createNetwork();
  const second = await addPod("second");
  expect(rangeOf(second)).not.toBe(first);
  for (const request of attached.splice(0)) await network.detach(request, undefined);
  await network.close();
  rmSync(file);
  await waitUntil(() => residue() === "", { what: "the second bridge to end" });

  sh(`ip route add blackhole ${rangeOf(second)}.64.0/24 proto 77`);
  network = createNetwork();
  const third = await addPod("third");
  expect([first, rangeOf(second)]).not.toContain(rangeOf(third));

  sh(`ip route del blackhole ${rangeOf(second)}.64.0/24 proto 77; ip link del ${other}`);
  network = createNetwork();
  await network.reconcile([third]);
  expect(rangeOf(await addPod("fourth"))).toBe(rangeOf(third));
  expect(warnings).toEqual([]);
});

test("a chosen range that something else takes is changed for new pods; those that run keep theirs, and their way out", async () => {
  const netns = lab.namespace("world");
  sh(`ip link add ${world} type veth peer name eth0 netns cribrange-world
    ip addr add 198.51.100.5/30 dev ${world} && ip link set ${world} up
    ip -n cribrange-world addr add 198.51.100.6/30 dev eth0
    ip -n cribrange-world link set eth0 up`);
  await lab.serve(netns, "world", 9000);
  const old = await addPod("old");
  occupy(other, `${rangeOf(old)}.200.1/24`);
  for (const restarts of [1, 2]) {
    network = createNetwork();
    await network.reconcile([old]);
    const young = await addPod(`young${restarts}`);
    expect(rangeOf(young)).not.toBe(rangeOf(old));
    for (const pod of [old, young]) {
      expect(ask(pod.request.netns, "198.51.100.6", 9000)).toBe("world 198.51.100.5");
    }
    expect((await network.status()).ready).toBe(true);
    await network.detach(young.request, young.attachment);
  }
  expect(warnings).toEqual(["the range for pods is used by others now; new pods get another"]);
});

test("a bridge of a version that kept no range has its range kept", async () => {
  await network.close();
  network = createNetwork("10.221.0.0/20");
  const old = await addPod("old");
  network = createNetwork();
  await network.reconcile([old]);
  const young = await addPod("young");
  expect((young.attachment.result as { addresses: string[] }).addresses[0]).toMatch(/^10\.221\.0\.\d+\/20$/);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ version: 1, subnet: "10.221.0.0/20" });
});

test.each(["", "{", '{"version":1,"subnet":"all of it"}', "[1]"])(
  "a damaged record of the range costs no pod: %j",
  async (text) => {
    writeFileSync(file, text);
    expect(rangeOf(await addPod("a"))).toMatch(/^\d+\.\d+$/);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
      version: 1,
      subnet: expect.stringMatching(/\.0\.0\/16$/),
    });
  },
);

test("the kubelet's range replaces a chosen one", async () => {
  const chosen = rangeOf(await addPod("a"));
  await network.setPodCidr("10.222.0.0/24");
  expect(rangeOf(await addPod("b"))).toBe("10.222");
  expect(chosen).not.toBe("10.222");
});
