import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { newSandboxId } from "../../src/ids/object-id.ts";
import type { HostPath } from "../../src/ids/path.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { createPodNetwork } from "../../src/network/pod-network.ts";
import type { NetworkAttachment, PodNetwork, PodNetworkRequest, PortMapping } from "../../src/network/port.ts";
import type { Log } from "../../src/observe/log.ts";
import { createSystemClock } from "../../src/observe/system-clock.ts";
import { podNetworkSysctls } from "../../src/pods/lifecycle/run-sandbox.ts";
import * as frames from "../fixtures/frames.ts";
import { buildStaticBinary } from "../fixtures/static-binary.ts";
import { FrameTap } from "../harness/frame-tap.ts";
import { ask, NetworkLab, podRequest, sh } from "../harness/network-lab.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bridge = "cribspoof0";
const gateway = "10.217.0.1";
const gateway6 = "fd00:217::1";
const signal = new AbortController().signal;
const broadcast = "ff:ff:ff:ff:ff:ff";
const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const directory = mkdtempSync("/tmp/crib-spoofing-") as HostPath;
const program = join(directory, "raw-frame");

let lab: NetworkLab;
let network: PodNetwork;
let attached: PodNetworkRequest[] = [];

interface Pod {
  readonly request: PodNetworkRequest;
  readonly attachment: NetworkAttachment;
  readonly netns: HostPath;
  readonly ip: string;
  readonly ip6: string;
  readonly mac: string;
  readonly linkLocal: string;
}

function createNetwork(antiSpoofing = true): PodNetwork {
  return createPodNetwork({
    kernel: createLinuxKernel(),
    config: {
      root: directory,
      state: directory,
      network: { bridge, subnet: "10.217.0.0/16,fd00:217::/64", mtu: 0, antiSpoofing },
      cni: { configDir: join(directory, "net.d") as HostPath, binDirs: [], pluginTimeoutMs: 5000 },
    },
    log: silent,
    clock: createSystemClock(),
  });
}

async function addPod(name: string, ...portMappings: PortMapping[]): Promise<Pod> {
  const netns = lab.namespace(name);
  for (const [key, value] of Object.entries(podNetworkSysctls)) sh(`nsenter --net=${netns} sysctl -qw ${key}=${value}`);
  const request = podRequest(newSandboxId(), netns, portMappings);
  const attachment = await network.attach(request, signal);
  attached.push(request);
  const [ip = "", ip6 = ""] = attachment.ips;
  const link = sh(`nsenter --net=${netns} ip -o addr show dev eth0; nsenter --net=${netns} ip -o link show dev eth0`);
  const linkLocal = /inet6 (fe80[^/]*)/.exec(link)?.[1] ?? "";
  const mac = /link\/ether (\S+)/.exec(link)?.[1] ?? "";
  expect([mac, linkLocal]).toEqual([expect.stringMatching(/^0a:58:/), expect.stringMatching(/^fe80::/)]);
  return { request, attachment, netns, ip, ip6, mac, linkLocal };
}

function port(hostPort: number, hostIp = "", protocol: PortMapping["protocol"] = "tcp"): PortMapping {
  return { protocol, hostPort, containerPort: 8080, hostIp };
}

/** Puts frames on the pod's wire, whatever its kernel thinks of them. */
function send(pod: Pod, ...list: readonly string[]): void {
  sh(`nsenter --net=${pod.netns} ${program} eth0 ${list.join(" ")}`);
}

function residue(): string {
  return sh(`ip -o link | grep -F "${bridge}" || true; nft list tables | grep -F "${bridge}" || true`);
}

beforeAll(() => {
  buildStaticBinary("raw-frame", directory);
});
beforeEach(() => {
  lab = new NetworkLab("cribspoof-");
  attached = [];
  network = createNetwork();
});
afterEach(async () => {
  for (const request of attached) await network.detach(request, undefined);
  await lab[Symbol.asyncDispose]();
  await network.close();
  await waitUntil(() => residue() === "", { what: "the links and rules of removed pods to end" });
});
afterAll(() => rmSync(directory, { recursive: true }));

type Forgery = (attacker: Pod, victim: Pod) => string;

const toAll = (fromMac: string): frames.Ends => ({ fromMac, toMac: broadcast });
const allNodes = "ff02::1";

/** What must reach neither a neighbour nor the host. */
const forgeries: readonly (readonly [what: string, frame: Forgery])[] = [
  ["IPv4 from a neighbour's address", (a, v) => frames.udp4(toAll(a.mac), v.ip, "255.255.255.255", 9)],
  ["IPv4 from the gateway's address", (a) => frames.udp4(toAll(a.mac), gateway, "255.255.255.255", 9)],
  ["IPv4 from an address of elsewhere", (a) => frames.udp4(toAll(a.mac), "8.8.8.8", "255.255.255.255", 9)],
  ["IPv4 from loopback", (a) => frames.udp4(toAll(a.mac), "127.0.0.9", "255.255.255.255", 9)],
  ["IPv4 from no address", (a) => frames.udp4(toAll(a.mac), "0.0.0.0", "255.255.255.255", 67)],
  ["a neighbour's MAC", (a, v) => frames.udp4(toAll(v.mac), a.ip, "255.255.255.255", 9)],
  ["the bridge's MAC", (a) => frames.udp4(toAll(bridgeMac()), a.ip, "255.255.255.255", 9)],
  ["a MAC of nobody's", (a) => frames.udp4(toAll("02:00:00:00:00:07"), a.ip, "255.255.255.255", 9)],
  ["a DHCP offer", (a) => frames.udp4(toAll(a.mac), a.ip, "255.255.255.255", 68, { fromPort: 67 })],
  ["an IGMP query", (a) => frames.igmpQuery(a.mac, a.ip)],
  ["ARP for a neighbour's address", (a, v) => frames.arp(toAll(a.mac), { mac: a.mac, ip: v.ip }, v.ip)],
  ["ARP for the gateway's address", (a) => frames.arp(toAll(a.mac), { mac: a.mac, ip: gateway }, gateway)],
  ["ARP with a neighbour's MAC inside", (a, v) => frames.arp(toAll(a.mac), { mac: v.mac, ip: a.ip }, gateway)],
  [
    "an ARP probe for a neighbour's address",
    (a, v) => frames.arp(toAll(a.mac), { mac: a.mac, ip: "0.0.0.0" }, v.ip, "request"),
  ],
  ["RARP", (a) => frames.other(toAll(a.mac), 0x8035)],
  ["IPv6 from a neighbour's address", (a, v) => frames.udp6(toAll(a.mac), v.ip6, allNodes, 9)],
  ["IPv6 from a neighbour's link-local address", (a, v) => frames.udp6(toAll(a.mac), v.linkLocal, allNodes, 9)],
  ["IPv6 from the gateway's address", (a) => frames.udp6(toAll(a.mac), gateway6, allNodes, 9)],
  ["IPv6 from ::1", (a) => frames.udp6(toAll(a.mac), "::1", allNodes, 9)],
  ["IPv6 from ::ffff:127.0.0.1", (a) => frames.udp6(toAll(a.mac), "::ffff:7f00:1", allNodes, 9)],
  ["IPv6 from no address", (a) => frames.udp6(toAll(a.mac), "::", allNodes, 9)],
  ["a DHCPv6 reply", (a) => frames.udp6(toAll(a.mac), a.linkLocal, allNodes, 546)],
  ["a router advertisement", (a) => frames.icmp6(toAll(a.mac), a.linkLocal, allNodes, 134, [64, 0, 7, 8, ...zeros(8)])],
  [
    "a router advertisement behind another header",
    (a) => frames.icmp6BehindOptions(toAll(a.mac), a.linkLocal, allNodes, 134, [64, 0, 7, 8, ...zeros(8)]),
  ],
  ["a redirect", (a) => frames.icmp6(toAll(a.mac), a.linkLocal, allNodes, 137, zeros(36))],
  ["a multicast listener query", (a) => frames.icmp6(toAll(a.mac), a.linkLocal, allNodes, 130, zeros(20))],
  [
    "an advertisement of a neighbour's address",
    (a, v) => frames.neighbourAdvertisement(toAll(a.mac), a.linkLocal, allNodes, v.ip6),
  ],
  [
    "an advertisement of a neighbour's link-local address",
    (a, v) => frames.neighbourAdvertisement(toAll(a.mac), a.linkLocal, allNodes, v.linkLocal),
  ],
  [
    "an advertisement of the gateway's address",
    (a) => frames.neighbourAdvertisement(toAll(a.mac), a.linkLocal, allNodes, gateway6),
  ],
  [
    "a probe for a neighbour's IPv6 address",
    (a, v) => frames.neighbourSolicitation(toAll(a.mac), "::", allNodes, v.linkLocal),
  ],
  ["a VLAN's frame", (a) => frames.udp4(toAll(a.mac), a.ip, "255.255.255.255", 9, { vlan: 7 })],
  [
    "priority-tagged IPv4 from a neighbour",
    (a, v) => frames.udp4(toAll(a.mac), v.ip, "255.255.255.255", 9, { vlan: 0 }),
  ],
  ["spanning tree", (a) => frames.bridgeProtocol(a.mac)],
  ["LLDP", (a) => frames.other({ fromMac: a.mac, toMac: "01:80:c2:00:00:0e" }, 0x88cc)],
  ["EAPOL", (a) => frames.other(toAll(a.mac), 0x888e)],
  ["PPPoE discovery", (a) => frames.other(toAll(a.mac), 0x8863)],
];

/** What a pod says rightly. */
const truths: readonly (readonly [what: string, frame: (own: Pod) => string])[] = [
  ["IPv4 from its address", (a) => frames.udp4(toAll(a.mac), a.ip, "255.255.255.255", 9)],
  ["ARP for its address", (a) => frames.arp(toAll(a.mac), { mac: a.mac, ip: a.ip }, a.ip)],
  ["a question by ARP", (a) => frames.arp(toAll(a.mac), { mac: a.mac, ip: a.ip }, gateway, "request")],
  ["a probe for its address", (a) => frames.arp(toAll(a.mac), { mac: a.mac, ip: "0.0.0.0" }, a.ip, "request")],
  ["IPv6 from its address", (a) => frames.udp6(toAll(a.mac), a.ip6, allNodes, 9)],
  ["IPv6 from its link-local address", (a) => frames.udp6(toAll(a.mac), a.linkLocal, allNodes, 9)],
  [
    "an echo behind another header",
    (a) => frames.icmp6BehindOptions(toAll(a.mac), a.linkLocal, allNodes, 128, zeros(4)),
  ],
  ["an advertisement of its address", (a) => frames.neighbourAdvertisement(toAll(a.mac), a.ip6, allNodes, a.ip6)],
  ["a probe for its IPv6 address", (a) => frames.neighbourSolicitation(toAll(a.mac), "::", allNodes, a.linkLocal)],
];

const zeros = (count: number): readonly number[] => new Array<number>(count).fill(0);
const bridgeMac = (): string => readFileSync(`/sys/class/net/${bridge}/address`, "utf8").trim();

describe("a pod with CAP_NET_RAW", () => {
  test("reaches neither neighbour nor host with what is not its own, and both with what is", async () => {
    const [attacker, victim] = [await addPod("a"), await addPod("v")];
    await using neighbour = await FrameTap.open(program, victim.netns, "eth0");
    await using host = await FrameTap.open(program, undefined, bridge);
    const arrived: string[] = [];
    const lost: string[] = [];
    let marker = 20_000;
    const arrives = async (frame: string): Promise<boolean> => {
      // What is sent after it and heard says that it is decided.
      const last = frames.udp4(toAll(attacker.mac), attacker.ip, "255.255.255.255", marker++);
      send(attacker, frame, last);
      for (const tap of [neighbour, host]) await waitUntil(() => tap.has(last), { what: "the frame sent last" });
      return neighbour.has(frame) || host.has(frame);
    };
    for (const [what, frame] of forgeries) if (await arrives(frame(attacker, victim))) arrived.push(what);
    for (const [what, frame] of truths) if (!(await arrives(frame(attacker)))) lost.push(what);
    expect({ arrived, lost }).toEqual({ arrived: [], lost: [] });
  });

  test("cannot speak for a client of the host's loopback after a host port on 127.0.0.1, nor to a service there", async () => {
    // Without the guard too: the rule that stands in the way is one of its own.
    for (const guarded of [true, false]) {
      await network.close();
      network = createNetwork(guarded);
      const pod = await addPod(`a${guarded}`, port(18180, "127.0.0.1"));
      const host = await lab.serve(undefined, "host", guarded ? 18198 : 18197);
      const ends = { fromMac: pod.mac, toMac: bridgeMac() };
      const to = guarded ? 18198 : 18197;
      send(
        pod,
        frames.udp4(ends, "127.0.0.9", gateway, to),
        frames.udp4(ends, "127.0.0.1", "127.0.0.1", to),
        frames.udp4(ends, pod.ip, "127.0.0.1", to),
        frames.udp6(ends, "::1", gateway6, to),
        frames.udp6(ends, pod.ip6, "::1", to),
        frames.udp4(ends, pod.ip, gateway, to),
      );
      await waitUntil(() => host.output.includes(`heard ${pod.ip}\n`), { what: "the pod's own datagram" });
      expect(host.output).toBe(`listening\nheard ${pod.ip}\n`);
      await network.detach(pod.request, pod.attachment);
    }
  });

  test("gets no packet past the rules in a frame to a MAC that bridges keep to themselves", async () => {
    const pod = await addPod("a");
    const host = await lab.serve(undefined, "host", 18196);
    for (let last = 0; last < 16; last++) {
      const ends = { fromMac: pod.mac, toMac: `01:80:c2:00:00:0${last.toString(16)}` };
      send(pod, frames.udp4(ends, "198.51.100.7", gateway, 18196));
    }
    send(pod, frames.udp4({ fromMac: pod.mac, toMac: bridgeMac() }, pod.ip, gateway, 18196));
    await waitUntil(() => host.output.includes(`heard ${pod.ip}\n`), { what: "the pod's own datagram" });
    expect(host.output).toBe(`listening\nheard ${pod.ip}\n`);
  });

  test("cannot make the bridge send a neighbour's frames to it", async () => {
    const [attacker, victim] = [await addPod("a"), await addPod("v")];
    await lab.serve(victim.netns, "v", 8080);
    expect(ask(undefined, victim.ip, 8080)).toBe(`v ${gateway}`);
    const portOf = (pod: Pod) => (pod.attachment.result as { hostInterface: string }).hostInterface;
    for (let last = 0; last < 16; last++) {
      const toMac = `01:80:c2:00:00:0${last.toString(16)}`;
      send(attacker, frames.other({ fromMac: victim.mac, toMac }, 0x88cc));
    }
    send(attacker, frames.udp4(toAll(victim.mac), attacker.ip, "255.255.255.255", 9));
    const places = sh(`bridge fdb show br ${bridge}`)
      .split("\n")
      .filter((line) => line.startsWith(victim.mac));
    expect(places.join("\n")).toContain(`dev ${portOf(victim)} `);
    expect(places.join("\n")).not.toContain(`dev ${portOf(attacker)} `);
  });

  test("cannot take a neighbour's host port by claiming its address", async () => {
    const [attacker, victim] = [await addPod("a"), await addPod("v", port(18181))];
    await Promise.all([lab.serve(victim.netns, "victim", 8080), lab.serve(attacker.netns, "attacker", 8080)]);
    expect(ask(undefined, "127.0.0.1", 18181)).toBe(`victim ${gateway}`);
    sh(`nsenter --net=${attacker.netns} ip addr add ${victim.ip}/16 dev eth0`);
    for (const operation of ["request", "reply"] as const) {
      const sender = { mac: attacker.mac, ip: victim.ip };
      send(attacker, frames.arp(toAll(attacker.mac), sender, victim.ip, operation));
      send(attacker, frames.arp(toAll(attacker.mac), sender, gateway, operation));
    }
    expect(ask(undefined, "127.0.0.1", 18181)).toBe(`victim ${gateway}`);
    // Nor by being asked first: the host has forgotten where the neighbour is.
    sh(`ip neigh flush dev ${bridge}`);
    expect(ask(undefined, "127.0.0.1", 18181)).toBe(`victim ${gateway}`);
  });
});

test("a pod with CAP_NET_ADMIN that takes another MAC or address is cut off, and is back with its own", async () => {
  const pod = await addPod("a");
  await lab.serve(undefined, "host", 18195);
  const inPod = (command: string) => sh(`nsenter --net=${pod.netns} ${command}`);
  expect(ask(pod.netns, gateway, 18195)).toBe(`host ${pod.ip}`);
  inPod("ip link set eth0 address 02:00:00:00:00:09");
  expect(ask(pod.netns, gateway, 18195)).toBe("");
  inPod(`ip link set eth0 address ${pod.mac}`);
  expect(ask(pod.netns, gateway, 18195)).toBe(`host ${pod.ip}`);
  inPod("ip addr add 10.217.9.9/16 dev eth0");
  inPod(`ip route replace ${gateway}/32 dev eth0 src 10.217.9.9`);
  expect(ask(pod.netns, gateway, 18195)).toBe("");
  inPod(`ip route del ${gateway}/32 dev eth0`);
  expect(ask(pod.netns, gateway, 18195)).toBe(`host ${pod.ip}`);
});

/** Whether what the pod says in a neighbour's name is heard on the host. */
async function isHeardAs(pod: Pod, ip: string, hostPort: number): Promise<boolean> {
  const host = await lab.serve(undefined, "host", hostPort);
  const ends = { fromMac: pod.mac, toMac: bridgeMac() };
  send(pod, frames.udp4(ends, ip, gateway, hostPort), frames.udp4(ends, pod.ip, gateway, hostPort));
  await waitUntil(() => host.output.includes(`heard ${pod.ip}\n`), { what: "the pod's own datagram" });
  return host.output.includes(`heard ${ip}\n`);
}

describe("the rules against spoofing", () => {
  test("hold again after a restart, also for pods of a version that had none, which go on undisturbed", async () => {
    await network.close();
    network = createNetwork(false);
    const [old, victim] = [await addPod("old", port(18182)), await addPod("v")];
    await lab.serve(old.netns, "old", 8080);
    expect(await isHeardAs(old, victim.ip, 18194)).toBe(true);

    for (const again of [18193, 18192]) {
      network = createNetwork();
      await network.reconcile([old, victim]);
      expect(await isHeardAs(old, victim.ip, again)).toBe(false);
      expect(ask(undefined, "127.0.0.1", 18182)).toBe(`old ${gateway}`);
      expect(ask(victim.netns, old.ip6, 8080)).toBe(`old ${victim.ip6}`);
    }
  });

  test("are written again when somebody removed them", async () => {
    const [pod, victim] = [await addPod("a"), await addPod("v")];
    sh(`nft delete table bridge ${bridge}`);
    expect((await network.status()).ready).toBe(true);
    await waitUntil(async () => !(await isHeardAs(pod, victim.ip, 18191)), { what: "the rules" });
  });

  test("end with the pod, and with the switch", async () => {
    const pod = await addPod("a", port(18183));
    const rules = () => sh(`nft list table bridge ${bridge}`);
    expect(rules()).toContain(pod.ip);
    await network.detach(pod.request, pod.attachment);
    expect(rules()).not.toContain("elements");

    const [old, victim] = [await addPod("old"), await addPod("v")];
    network = createNetwork(false);
    await network.reconcile([old, victim]);
    expect(sh("nft list tables")).not.toContain(`table bridge ${bridge}`);
    expect(await isHeardAs(old, victim.ip, 18190)).toBe(true);
  });
});

test("route_localnet is off again when the last host port on 127.0.0.1 is gone, also after a restart", async () => {
  const setting = () => readFileSync(`/proc/sys/net/ipv4/conf/${bridge}/route_localnet`, "utf8").trim();
  const [a, b, c] = [await addPod("a", port(18184)), await addPod("b", port(18185)), await addPod("c")];
  await network.detach(a.request, a.attachment);
  expect(setting()).toBe("1");
  await network.detach(b.request, b.attachment);
  expect(setting()).toBe("0");
  sh(`sysctl -qw net.ipv4.conf.${bridge}.route_localnet=1`);
  network = createNetwork();
  await network.reconcile([c]);
  expect(setting()).toBe("0");
});
