import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CribError } from "../../src/errors/crib-error.ts";
import { newSandboxId } from "../../src/ids/object-id.ts";
import type { HostPath } from "../../src/ids/path.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { createPodNetwork } from "../../src/network/pod-network.ts";
import type { NetworkAttachment, PodNetwork, PodNetworkRequest, PortMapping } from "../../src/network/port.ts";
import type { Log } from "../../src/observe/log.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { podNetworkSysctls } from "../../src/pods/lifecycle/run-sandbox.ts";
import { ask, inside, NetworkLab, podRequest, sh } from "../harness/network-lab.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bridge = "cribnettest0";
const subnet = "10.213.0.0/16";
const subnet6 = "fd00:213::/64";
const signal = new AbortController().signal;
const warnings: string[] = [];
const log: Log = { debug: () => {}, info: () => {}, warn: (_, message) => warnings.push(message), error: () => {} };

const state = mkdtempSync("/tmp/crib-network-") as HostPath;
let lab: NetworkLab;
let network: PodNetwork;
let attached: PodNetworkRequest[] = [];

interface Pod {
  readonly request: PodNetworkRequest;
  readonly attachment: NetworkAttachment;
  readonly ip: string;
}

function createNetwork(
  changes: { readonly subnet?: string; readonly state?: HostPath; readonly bridge?: string } = {},
): PodNetwork {
  return createPodNetwork({
    kernel: createLinuxKernel(),
    config: {
      root: state,
      state: changes.state ?? state,
      network: { bridge: changes.bridge ?? bridge, subnet: changes.subnet ?? subnet, mtu: 0, antiSpoofing: true },
      cni: { configDir: join(state, "net.d") as HostPath, binDirs: [], pluginTimeoutMs: 5000 },
    },
    log,
    clock: createSystemClock(),
  });
}

async function addPod(name: string, ...portMappings: PortMapping[]): Promise<Pod> {
  const netns = lab.namespace(name);
  for (const [key, value] of Object.entries(podNetworkSysctls)) sh(`nsenter --net=${netns} sysctl -qw ${key}=${value}`);
  const request = podRequest(newSandboxId(), netns, portMappings);
  const attachment = await network.attach(request, signal);
  attached.push(request);
  return { request, attachment, ip: attachment.ips[0] ?? "" };
}

function port(hostPort: number, hostIp = "", protocol: PortMapping["protocol"] = "tcp"): PortMapping {
  return { protocol, hostPort, containerPort: 8080, hostIp };
}

/** Links, rules and addresses that this test's network left on the host. */
function residue(): string {
  const links = sh("ip -o link")
    .split("\n")
    .filter((line) => line.includes(bridge) || line.includes(`crib ${state} pod`));
  const tables = sh("nft list tables")
    .split("\n")
    .filter((line) => line.includes(bridge));
  return [...links, ...tables].join("\n");
}

const hostAddress = sh("ip -4 -o addr show scope global").match(/inet ([\d.]+)/)?.[1] ?? "";

beforeAll(() => expect(hostAddress).not.toBe(""));
beforeEach(() => {
  lab = new NetworkLab("cribnettest-");
  warnings.length = 0;
  attached = [];
  network = createNetwork();
});
afterEach(async () => {
  for (const request of attached) await network.detach(request, undefined);
  await lab[Symbol.asyncDispose]();
  await network.close();
  await waitUntil(() => residue() === "", { what: "the links of removed pods to end" });
});
afterAll(() => rmSync(state, { recursive: true }));

describe("a pod's connections", () => {
  test("host to pod, pod to host, pod to pod, pod to the world as the host", async () => {
    const [a, b] = [await addPod("a"), await addPod("b")];
    await Promise.all([lab.serve(a.request.netns, "a", 8080), lab.serve(b.request.netns, "b", 8080)]);
    expect(ask(undefined, a.ip, 8080)).toBe("a 10.213.0.1");
    expect(ask(b.request.netns, a.ip, 8080)).toBe(`a ${b.ip}`);
    expect(ask(a.request.netns, b.ip, 8080, "udp")).toBe(`b ${a.ip}`);
    expect(ask(a.request.netns, a.ip, 8080)).toBe(`a ${a.ip}`);
    expect(ask(a.request.netns, "127.0.0.1", 8080)).toBe("a 127.0.0.1");

    const world = outside();
    await Promise.all([lab.serve(world, "world", 9000), lab.serve(undefined, "host", 18099)]);
    expect(ask(a.request.netns, "198.51.100.2", 9000)).toBe("world 198.51.100.1");
    expect(ask(a.request.netns, "10.213.0.1", 18099)).toBe(`host ${a.ip}`);
  });

  test("dual stack: both families work, neither waits for duplicate address detection", async () => {
    await network.close();
    network = createNetwork({ subnet: `${subnet},${subnet6}` });
    const a = await addPod("a", port(18081));
    const b = await addPod("b");
    expect(a.attachment.ips).toEqual(["10.213.0.2", "fd00:213::2"]);
    await lab.serve(a.request.netns, "a", 8080);
    expect(ask(b.request.netns, "fd00:213::2", 8080)).toBe("a fd00:213::3");
    expect(ask(undefined, "fd00:213::2", 8080)).toBe("a fd00:213::1");
    expect(ask(b.request.netns, "fd00:213::1", 18081)).toBe("a fd00:213::1");
  });

  test("router advertisements of a neighbour are believed by nobody (CVE-2020-10749)", async () => {
    const pod = await addPod("a");
    const hostEnd = (pod.attachment.result as { hostInterface: string }).hostInterface;
    for (const link of [bridge, hostEnd]) {
      expect(readFileSync(`/proc/sys/net/ipv6/conf/${link}/accept_ra`, "utf8").trim()).toBe("0");
    }
    expect(sh(`nsenter --net=${pod.request.netns} sysctl -n net.ipv6.conf.eth0.accept_ra`).trim()).toBe("0");
  });

  test("counters of eth0, and of nothing when the namespace is gone", async () => {
    const a = await addPod("a");
    await lab.serve(a.request.netns, "a", 8080);
    ask(undefined, a.ip, 8080);
    const [stats, ...others] = await network.interfaceStats(a.request.netns);
    expect(stats?.name).toBe("eth0");
    expect(stats?.rxBytes).toBeGreaterThan(100n);
    expect(stats?.txBytes).toBeGreaterThan(100n);
    expect(others).toEqual([]);
    await expect(network.interfaceStats("/run/netns/cribnettest-none" as HostPath)).rejects.toThrow(/ENOENT/);
  });
});

describe("host ports", () => {
  test("are reached at every address of the host, from the host, its pods, the pod itself and the world", async () => {
    const a = await addPod("a", port(18080), port(18080, "", "udp"));
    const b = await addPod("b");
    await lab.serve(a.request.netns, "a", 8080);
    const world = outside();

    expect(ask(undefined, hostAddress, 18080)).toBe(`a ${hostAddress}`);
    expect(ask(undefined, "127.0.0.1", 18080)).toBe("a 10.213.0.1");
    expect(ask(undefined, "10.213.0.1", 18080)).toBe("a 10.213.0.1");
    expect(ask(b.request.netns, hostAddress, 18080)).toBe("a 10.213.0.1");
    expect(ask(a.request.netns, hostAddress, 18080)).toBe("a 10.213.0.1");
    expect(ask(world, "198.51.100.1", 18080)).toBe("a 198.51.100.2");
    expect(ask(world, "198.51.100.1", 18080, "udp")).toBe("a 198.51.100.2");

    await network.detach(a.request, a.attachment);
    expect(ask(undefined, hostAddress, 18080)).toBe("");
  });

  test("a UDP client that keeps its port reaches the pod that has the host port now", async () => {
    // One socket for all: the same flow in the eyes of connection tracking.
    const client = createSocket("udp4");
    const answers: string[] = [];
    client.on("message", (bytes) => answers.push(bytes.toString().trim()));
    client.on("error", () => undefined);
    await new Promise<void>((resolve) => client.bind(0, "0.0.0.0", resolve));
    const reaches = (name: string) =>
      waitUntil(
        () => {
          client.send("hello", 18083, hostAddress);
          return answers.splice(0).some((answer) => answer.startsWith(`${name} `));
        },
        { what: `an answer of ${name}`, boundMs: 3000 },
      );
    try {
      client.send("too early", 18083, hostAddress);
      const a = await addPod("a", port(18083, "", "udp"));
      await lab.serve(a.request.netns, "a", 8080);
      await reaches("a");
      await network.detach(a.request, a.attachment);
      const b = await addPod("b", port(18083, "", "udp"));
      await lab.serve(b.request.netns, "b", 8080);
      await reaches("b");
    } finally {
      client.close();
    }
  });

  test("of other hosts are not taken (CVE-2019-9946, CVE-2025-67499)", async () => {
    const a = await addPod("a", port(19000));
    const b = await addPod("b");
    const world = outside();
    await Promise.all([lab.serve(a.request.netns, "a", 8080), lab.serve(world, "world", 19000)]);
    expect(ask(b.request.netns, "198.51.100.2", 19000)).toBe("world 198.51.100.1");
    expect(ask(undefined, "198.51.100.2", 19000)).toBe("world 198.51.100.1");
  });

  test("with a host IP are ports of that address alone", async () => {
    const a = await addPod("a", port(18080, hostAddress));
    const b = await addPod("b", port(18080, "127.0.0.1"));
    await Promise.all([lab.serve(a.request.netns, "a", 8080), lab.serve(b.request.netns, "b", 8080)]);
    expect(ask(undefined, hostAddress, 18080)).toStartWith("a ");
    expect(ask(undefined, "127.0.0.1", 18080)).toStartWith("b ");
    expect(ask(undefined, "10.213.0.1", 18080)).toBe("");
  });

  test("on 127.0.0.1 do not open the host's loopback to pods (CVE-2020-8558)", async () => {
    const a = await addPod("a", port(18080));
    const host = await lab.serve(undefined, "host", 18098);
    const { netns } = a.request;
    sh(`nsenter --net=${netns} bash -c '
      sysctl -qw net.ipv4.conf.all.route_localnet=1
      ip route del local 127.0.0.0/8 dev lo table local; ip route del local 127.0.0.1 dev lo table local
      ip route add 127.0.0.1/32 via 10.213.0.1 src ${a.ip}'`);
    const knock = () => sh(`nsenter --net=${netns} bash -c 'echo hello >/dev/udp/127.0.0.1/18098'`);
    knock();
    expect(ask(netns, "10.213.0.1", 18098)).toBe(`host ${a.ip}`);
    expect(host.output).not.toContain("heard");
    // The test reaches what it tests: without the rule the very same datagram arrives.
    sh(`nft flush chain inet ${bridge} loopback`);
    knock();
    await waitUntil(() => host.output.includes(`heard ${a.ip}`), { what: "the datagram at the host's loopback" });
  });

  test("route_localnet is left alone until a pod needs it", async () => {
    const setting = `/proc/sys/net/ipv4/conf/${bridge}/route_localnet`;
    await addPod("a", port(18080, hostAddress));
    expect(readFileSync(setting, "utf8").trim()).toBe("0");
    await addPod("b", port(18081));
    expect(readFileSync(setting, "utf8").trim()).toBe("1");
  });

  test.each(["tcp", "udp"] as const)(
    "that a process of the node listens on are refused, nothing is left (%s)",
    async (protocol) => {
      await lab.serve(undefined, "host", 18097);
      const failure = await addPod("a", port(18097, "", protocol)).catch((error: unknown) => error);
      expect(CribError.is(failure, "failed-precondition")).toBe(true);
      expect(String(failure)).toMatch(
        new RegExp(`host port 18097/${protocol} is in use: .* listens on \\[::\\]:18097`),
      );
      expect(sh(`ip -o link show master ${bridge}`)).toBe("");
      const b = await addPod("b");
      expect(b.ip).toBe("10.213.0.3");
    },
  );

  test("of another pod are refused", async () => {
    const a = await addPod("a", port(18080));
    const failure = await addPod("b", port(18080)).catch((error: unknown) => error);
    expect(CribError.is(failure, "already-exists")).toBe(true);
    await network.detach(a.request, a.attachment);
    await addPod("c", port(18080));
  });
});

describe("releasing", () => {
  test("detach cuts the pod off at once, leaves no link, and may be repeated", async () => {
    const a = await addPod("a", port(18080));
    await network.detach(a.request, a.attachment);
    await network.detach(a.request, a.attachment);
    await network.detach(a.request, undefined);
    expect(sh(`ip -o link show master ${bridge}`)).toBe("");
    expect(sh(`nft list table inet ${bridge}`)).not.toContain("18080");
    // The namespace is held by this test: the link goes all the same.
    await waitUntil(() => !sh("ip -o link").includes(`crib ${state} pod`), { what: "the link to be deleted" });
    expect(sh(`nsenter --net=${a.request.netns} ip -o link`)).not.toContain("eth0");
  });

  test("50 pods come and go without residue", async () => {
    for (let i = 0; i < 50; i++) {
      const pod = await addPod(`${i}`, port(18080));
      await network.detach(pod.request, pod.attachment);
      lab.removeNamespace(pod.request.netns);
    }
    expect(sh(`nft list table inet ${bridge}`)).not.toContain("elements");
    await waitUntil(() => !sh("ip -o link").includes(`crib ${state} pod`), { what: "the last links to end" });
  });

  test("a failed attach leaves neither link nor address nor port", async () => {
    const request = podRequest(newSandboxId(), "/run/netns/cribnettest-none" as HostPath, [port(18080)]);
    await expect(network.attach(request, signal)).rejects.toThrow(/ENOENT/);
    const pod = await addPod("a", port(18080));
    expect(sh(`ip -o link show master ${bridge}`).trim().split("\n")).toHaveLength(1);
    expect(pod.ip).toBe("10.213.0.3");
  });
});

describe("a restarted daemon", () => {
  test("adopts live pods and removes what is of no pod", async () => {
    const live = await addPod("live", port(18080));
    const lost = await addPod("lost", port(18081));
    await lab.serve(live.request.netns, "live", 8080);
    network = createNetwork();
    await network.reconcile([{ request: live.request, attachment: live.attachment }]);

    expect(sh(`ip -o link show master ${bridge}`).trim().split("\n")).toHaveLength(1);
    const rules = sh(`nft list table inet ${bridge}`);
    expect(rules).toContain(`tcp . 18080 : ${live.ip} . 8080`);
    expect(rules).not.toContain("18081");
    expect(ask(undefined, hostAddress, 18080)).toStartWith("live ");
    await waitUntil(() => !sh(`nsenter --net=${lost.request.netns} ip -o link`).includes("eth0"), {
      what: "the lost pod's link to end",
    });

    const next = await addPod("next");
    expect(next.ip).not.toBe(live.ip);
    await expect(addPod("clash", port(18080))).rejects.toThrow(/already exists: pod lab\/pod-/);
  });

  test.each(["bridge", "table"])(
    "with no pod left removes the bridge and the table, also when the %s is gone",
    async (gone) => {
      await addPod("a");
      sh(gone === "bridge" ? `ip link del ${bridge}` : `nft delete table inet ${bridge}`);
      network = createNetwork();
      await network.reconcile([]);
      await waitUntil(() => residue() === "", { what: "the links to end" });
    },
  );
});

describe("what others do to the host", () => {
  test("a flushed ruleset is written again, at the latest when the status is asked for", async () => {
    const a = await addPod("a", port(18080));
    await lab.serve(a.request.netns, "a", 8080);
    sh(`nft delete table inet ${bridge}`);
    expect(ask(undefined, hostAddress, 18080)).toBe("");
    expect((await network.status()).ready).toBe(true);
    // The answer waits for nobody who is before it; the rules come with it.
    await waitUntil(() => ask(undefined, hostAddress, 18080).startsWith("a "), { what: "the rules" });
    expect(warnings.join()).toContain("nftables table was removed");
  });

  test("a removed bridge is made again with the next pod, and those that live are connected to it", async () => {
    const a = await addPod("a", port(18080));
    await lab.serve(a.request.netns, "a", 8080);
    sh(`ip link del ${bridge}`);
    const b = await addPod("b");
    await lab.serve(b.request.netns, "b", 8080);
    expect(ask(undefined, b.ip, 8080)).toBe("b 10.213.0.1");
    expect(ask(b.request.netns, a.ip, 8080)).toBe(`a ${b.ip}`);
    expect(ask(a.request.netns, hostAddress, 18080)).toBe("a 10.213.0.1");
    expect(ask(undefined, "127.0.0.1", 18080)).toBe("a 10.213.0.1");
  });

  test("a range that is in use elsewhere is refused with the interface's name, and tried again when it is free", async () => {
    const world = outside("10.213.7.1/24", "10.213.7.2/24");
    await expect(addPod("a")).rejects.toThrow(
      /pod range 10\.213\.0\.0\/16 overlaps 10\.213\.7\.1\/24 of interface cribnettestw/,
    );
    expect(await network.status()).toMatchObject({ ready: false, reason: "BuiltinNetworkNotReady" });
    lab.removeNamespace(world);
    await waitUntil(() => !sh("ip -o link").includes("cribnettestw"), { what: "the other interface to end" });
    expect((await addPod("b")).ip).toBe("10.213.0.2");
    expect((await network.status()).ready).toBe(true);
  });

  test("a bridge with another daemon's pods is not shared", async () => {
    await addPod("a");
    const other = createNetwork({ state: "/tmp/crib-other" as HostPath });
    const request = podRequest(newSandboxId(), lab.namespace("b"));
    await expect(other.attach(request, signal)).rejects.toThrow(/carries pods of another daemon .*set network\.bridge/);
    await other.close();
    expect(sh(`ip -o link show master ${bridge}`)).not.toBe("");
  });
});

test("a new pod range is for new pods; those of the old one keep working", async () => {
  const old = await addPod("old");
  await network.setPodCidr("10.214.0.0/24");
  const young = await addPod("young");
  expect(young.ip).toBe("10.214.0.2");
  await lab.serve(old.request.netns, "old", 8080);
  expect(ask(undefined, old.ip, 8080)).toBe("old 10.213.0.1");
  expect(ask(young.request.netns, old.ip, 8080)).toStartWith("old ");
  const world = outside();
  await lab.serve(world, "world", 9000);
  for (const pod of [old, young]) expect(ask(pod.request.netns, "198.51.100.2", 9000)).toBe("world 198.51.100.1");
  await expect(network.setPodCidr("10.214.0.0")).rejects.toThrow(/not a CIDR/);
});

test("a broken CNI configuration is an error, not another network", async () => {
  mkdirSync(join(state, "net.d"));
  writeFileSync(join(state, "net.d", "10-x.conflist"), "{");
  expect(await network.status()).toMatchObject({ ready: false, reason: "CNIConfigInvalid" });
  await expect(addPod("a")).rejects.toThrow(/no usable CNI configuration in .*net\.d: .*10-x\.conflist is not JSON/);
  rmSync(join(state, "net.d"), { recursive: true });
  await addPod("b");
});

/** A namespace beside the host, which is its gateway: the rest of the world. */
function outside(host = "198.51.100.1/24", world = "198.51.100.2/24"): HostPath {
  const netns = lab.namespace("world");
  sh(`ip link add cribnettestw type veth peer name eth0 netns cribnettest-world
    ip addr add ${host} dev cribnettestw && ip link set cribnettestw up
    ${inside(netns).join(" ")} bash -c 'ip addr add ${world} dev eth0; ip link set eth0 up; ip route add default via ${host.split("/", 1)[0]}'`);
  return netns;
}
