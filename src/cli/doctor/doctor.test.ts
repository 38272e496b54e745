import { expect, test } from "bun:test";
import { cli } from "../../../tests/fixtures/cli-io.ts";
import type { DoctorHost } from "../program/cli-io.ts";
import type { Finding } from "./check.ts";

const disk = { type: 0xef53, totalBytes: 1n << 40n, availableBytes: 1n << 39n, totalInodes: 1000n, freeInodes: 900n };
const tmpfs = { ...disk, type: 0x01021994 };
const cgroup2 = { ...disk, type: 0x63677270 };

const healthyFiles: Readonly<Record<string, string>> = {
  "/proc/sys/kernel/osrelease": "6.12.0-1-amd64\n",
  "/proc/filesystems": "nodev\ttmpfs\nnodev\toverlay\n",
  "/proc/modules": "",
  "/boot/config-6.12.0-1-amd64": ["BRIDGE", "VETH", "NF_TABLES", "NF_TABLES_BRIDGE", "NFT_NAT", "NFT_MASQ"]
    .map((name) => `CONFIG_${name}=y`)
    .join("\n"),
  "/proc/sys/kernel/seccomp/actions_avail": "kill_process kill_thread trap errno user_notif trace log allow\n",
  "/proc/sys/user/max_user_namespaces": "15000\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids\n",
  "/proc/sys/net/ipv4/ip_forward": "1\n",
  "/etc/resolv.conf": "nameserver 192.0.2.1\n",
  "/proc/self/status": "Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n",
  "/proc/self/limits": "Max open files            1048576              1048576              files\n",
  "/proc/sys/fs/inotify/max_user_instances": "8192\n",
  "/proc/sys/kernel/pid_max": "4194304\n",
  "/proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n",
};

interface Patch {
  readonly files?: Readonly<Record<string, string | undefined>>;
  readonly statfs?: DoctorHost["statfs"];
  readonly probe?: DoctorHost["probe"];
  readonly answering?: readonly string[];
}

function host({ files = {}, statfs, probe, answering = [] }: Patch): DoctorHost {
  const all = { ...healthyFiles, ...files };
  const exists = (path: string): boolean =>
    all[path] !== undefined || ["/", "/run", "/var/lib"].includes(path) || answering.includes(path);
  return {
    readText: (path) => all[path],
    readBytes: () => undefined,
    list: (path) => {
      if (path === "/proc/self/ns") return ["mnt", "net", "ipc", "uts", "pid", "cgroup", "user"];
      const names = Object.keys(all).filter((name) => all[name] !== undefined && name.startsWith(`${path}/`));
      return names.length === 0 ? undefined : names.map((name) => name.slice(path.length + 1).split("/", 1)[0] ?? "");
    },
    exists,
    statfs: statfs ?? ((path) => (path === "/sys/fs/cgroup" ? cgroup2 : path === "/run" ? tmpfs : disk)),
    probe: probe ?? (() => true),
    answers: (socket) => Promise.resolve(answering.includes(socket)),
  };
}

async function examine(patch: Patch): Promise<{ exitCode: number; bad: Record<string, string> }> {
  const { exitCode, out } = await cli(["doctor", "--json"], { host: host(patch) });
  const findings = JSON.parse(out) as Finding[];
  for (const finding of findings.filter(({ severity }) => severity !== "ok"))
    expect([finding.name, finding.advice]).not.toEqual([finding.name, ""]);
  return {
    exitCode,
    bad: Object.fromEntries(
      findings.filter(({ severity }) => severity !== "ok").map(({ name, severity }) => [name, severity]),
    ),
  };
}

test("doctor finds nothing to say about a healthy host", async () => {
  expect(await examine({})).toEqual({ exitCode: 0, bad: {} });
});

const troubles: readonly [title: string, patch: Patch, bad: Record<string, string>][] = [
  [
    "an old kernel",
    {
      files: {
        "/proc/sys/kernel/osrelease": "5.4.0\n",
        "/boot/config-5.4.0": healthyFiles["/boot/config-6.12.0-1-amd64"],
      },
    },
    { version: "fail", clone3: "fail" },
  ],
  ["a refused call", { probe: (call) => call !== "openat2" }, { openat2: "fail" }],
  [
    "a call that cannot be tried",
    { probe: () => undefined },
    { openat2: "warn", pidfd: "warn", "mount API (fsopen, open_tree)": "warn" },
  ],
  ["no overlay", { files: { "/proc/filesystems": "nodev\ttmpfs\n" } }, { overlay: "fail" }],
  [
    "overlay as a module",
    {
      files: {
        "/proc/filesystems": "",
        "/lib/modules/6.12.0-1-amd64/modules.dep": "kernel/fs/overlayfs/overlay.ko.xz:\n",
      },
    },
    { overlay: "warn" },
  ],
  [
    "AppArmor without its parser",
    { files: { "/sys/module/apparmor/parameters/enabled": "Y\n" } },
    { AppArmor: "warn" },
  ],
  [
    "AppArmor with its parser",
    { files: { "/sys/module/apparmor/parameters/enabled": "Y\n", "/usr/sbin/apparmor_parser": "" } },
    {},
  ],
  ["no seccomp", { files: { "/proc/sys/kernel/seccomp/actions_avail": undefined } }, { seccomp: "fail" }],
  [
    "no memory controller",
    { files: { "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu hugetlb pids\n" } },
    { controllers: "fail" },
  ],
  [
    "no cgroups at all",
    { files: { "/sys/fs/cgroup/cgroup.controllers": undefined }, statfs: (path) => (path === "/run" ? tmpfs : disk) },
    { mode: "fail", controllers: "fail", "more controllers": "warn" },
  ],
  [
    "no bridge",
    {
      files: {
        "/boot/config-6.12.0-1-amd64": "CONFIG_VETH=y\nCONFIG_NF_TABLES=y\nCONFIG_NFT_NAT=y\nCONFIG_NFT_MASQ=y",
      },
    },
    { bridge: "warn", "nftables for bridges": "warn" },
  ],
  [
    "CNI without its plugin",
    { files: { "/etc/cni/net.d/10-net.conflist": '{"plugins":[{"type":"calico"}]}' } },
    { CNI: "warn" },
  ],
  [
    "CNI with its plugin",
    { files: { "/etc/cni/net.d/10-net.conflist": '{"plugins":[{"type":"calico"}]}', "/opt/cni/bin/calico": "" } },
    {},
  ],
  [
    "a full disk",
    {
      statfs: (path) =>
        path === "/sys/fs/cgroup"
          ? cgroup2
          : path === "/run"
            ? tmpfs
            : { ...disk, availableBytes: 5n << 20n, freeInodes: 1n },
    },
    { "free space": "fail", "free inodes": "fail" },
  ],
  [
    "a missing CAP_SYS_RESOURCE",
    { files: { "/proc/self/status": "Uid:\t0\t0\t0\t0\nCapEff:\t000001fffeffffff\n" } },
    { CAP_SYS_RESOURCE: "warn" },
  ],
  [
    "an ordinary user",
    { files: { "/proc/self/status": "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t000001ffffffffff\n" } },
    { user: "fail" },
  ],
  ["swap", { files: { "/proc/swaps": "Filename\n/dev/sda2 partition 1 0 -2\n" } }, { swap: "warn" }],
  ["containerd beside it", { answering: ["/run/containerd/containerd.sock"] }, { containerd: "warn" }],
];
test.each(troubles)("doctor on %s", async (_title, patch, bad) => {
  const expected = Object.values(bad).includes("fail") ? 1 : 0;
  expect(await examine(patch)).toEqual({ exitCode: expected, bad });
});

test("doctor for people names area, trouble and remedy", async () => {
  const { out } = await cli(["doctor", "-q"], { host: host({ files: { "/proc/sys/net/ipv4/ip_forward": "0\n" } }) });
  expect(out).toContain("network\n  warn  forwarding  off\n");
  expect(out).toContain("sysctl net.ipv4.ip_forward=1");
});
