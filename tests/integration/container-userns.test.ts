import { describe, expect } from "bun:test";
import { chownSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NamespaceMode } from "../../src/gen/runtime/v1/api_pb.ts";
import { outcomeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { uniqueNumber } from "../harness/pod-config.ts";
import type { ContainerRequest } from "../harness/test-bed.ts";
import type { TestContainer, TestPod } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { firstHostId, idCount, idMap, ownUsers } from "../harness/user-namespace.ts";

const bed = useTestBed({ images: ["busybox", "whiteout", "volume"] });
const test = onlyCrib("the CRI of 1.6 has no user namespaces");

const options = ownUsers();
type Security = NonNullable<NonNullable<ContainerRequest["linux"]>["securityContext"]>;

async function runPod(namespaceOptions = options): Promise<TestPod> {
  return await bed.runPod({ linux: { securityContext: { namespaceOptions } } });
}

/** `securityContext` of a container in the pod's user namespace, with what the case adds. */
function inUserns(more: Security = {}, namespaceOptions = options): ContainerRequest {
  return { linux: { securityContext: { namespaceOptions, ...more } } };
}

async function output(script: string, request: ContainerRequest = inUserns(), pod?: TestPod): Promise<string> {
  return await bed.output(pod ?? (await runPod()), script, request);
}

function hostDirectory(): string {
  const path = join(bed.engine.directory, "volumes", `userns-${uniqueNumber()}`);
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}

async function idle(pod: TestPod, request: ContainerRequest = inUserns()): Promise<TestContainer> {
  return await bed.runIdle(pod, request);
}

function statusOf(pid: number, field: string): string[] {
  const line = readFileSync(`/proc/${pid}/status`, "utf8")
    .split("\n")
    .find((text) => text.startsWith(`${field}:`));
  return (line ?? "")
    .split(/\s+/)
    .slice(1)
    .filter((word) => word !== "");
}

describe("the ids of a pod with a user namespace", () => {
  test("are the ones it asked for, root inside and nobody outside", async () => {
    const pod = await runPod();
    const container = await idle(pod);
    const pid = await container.pid();
    expect(statusOf(pid, "Uid")).toEqual(Array.from({ length: 4 }, () => String(firstHostId)));
    expect(statusOf(pid, "Gid")).toEqual(Array.from({ length: 4 }, () => String(firstHostId)));
    for (const map of ["uid_map", "gid_map"]) {
      const lines = readFileSync(`/proc/${pid}/${map}`, "utf8").trim().split(/\s+/);
      expect(lines).toEqual(["0", String(firstHostId), String(idCount)]);
    }
    expect(await container.sh("id -u; id -g")).toBe("0\n0");
  });

  test("map user, group and supplementary groups that are asked for", async () => {
    const pod = await runPod();
    const user = { runAsUser: { value: 1000n }, runAsGroup: { value: 3000n }, supplementalGroups: [4000n, 5000n] };
    const container = await idle(pod, inUserns(user));
    const pid = await container.pid();
    expect(statusOf(pid, "Uid")[0]).toBe(String(firstHostId + 1000));
    expect(statusOf(pid, "Gid")[0]).toBe(String(firstHostId + 3000));
    expect(statusOf(pid, "Groups").slice(-3)).toEqual([3000, 4000, 5000].map((gid) => String(firstHostId + gid)));
    expect(await container.sh("id -u; id -g; id -G")).toMatch(/^1000\n3000\n.*\b4000 5000$/);
  });

  test("may be several ranges, and differ for users and groups", async () => {
    const split = ownUsers({
      uids: [idMap(firstHostId, 1000), idMap(firstHostId + 200_000, 10, 1000)],
      gids: [idMap(firstHostId + 300_000, 500)],
    });
    const pod = await runPod(split);
    const container = await idle(pod, inUserns({ runAsUser: { value: 1003n }, runAsGroup: { value: 7n } }, split));
    const pid = await container.pid();
    expect(statusOf(pid, "Uid")[0]).toBe(String(firstHostId + 200_003));
    expect(statusOf(pid, "Gid")[0]).toBe(String(firstHostId + 300_007));
  });

  test("an exec has them too, with and without the pipes it is read through", async () => {
    const pod = await runPod();
    const container = await idle(pod, inUserns({ runAsUser: { value: 1000n } }));
    expect(await container.sh("id -u; echo through > /dev/stdout; cat /proc/self/uid_map | tr -s ' '")).toBe(
      `1000\nthrough\n 0 ${firstHostId} ${idCount}`,
    );
  });

  test("a user without a counterpart on the host is refused at create", async () => {
    const pod = await runPod();
    const outcome = await outcomeOf(bed.create(pod, inUserns({ runAsUser: { value: 70_000n } })));
    expect(outcome).toMatchObject({ code: "InvalidArgument" });
    expect(outcome.message).toContain("user 70000 is not mapped");
  });
});

describe("the root of a container in a user namespace", () => {
  test("belongs to the pod, all layers of it, without a file of an image being chowned", async () => {
    const script = "stat -c '%u:%g' / /bin/busybox /etc/passwd; cd /w && cat kept replaced link && echo > /new";
    const text = await output(script, { ...inUserns(), image: "whiteout" });
    expect(text.split("\n").slice(0, 3)).toEqual(["0:0", "0:0", "0:0"]);
    expect(text).toContain("kept");
  });

  test("can be written, and what is written belongs to the pod's ids on the host", async () => {
    const container = await idle(await runPod());
    await container.sh("echo mine > /etc/passwd; mkdir /made; echo > /made/by-1000; chown 1000:1000 /made/by-1000");
    const root = `/proc/${await container.pid()}/root`;
    expect(statSync(`${root}/made`).uid).toBe(firstHostId);
    expect(statSync(`${root}/made/by-1000`).uid).toBe(firstHostId + 1000);
    expect(await container.sh("stat -c %u:%g /made/by-1000 /etc/passwd")).toBe("1000:1000\n0:0");
  });

  test("read-only refuses writes", async () => {
    const text = await output("touch /x 2>&1; touch /dev/shm/x && echo shm", inUserns({ readonlyRootfs: true }));
    expect(text).toContain("Read-only file system");
    expect(text).toEndWith("shm");
  });

  test("has every file system and device that programs expect", async () => {
    const script = [
      "awk '{print $3, $2}' /proc/mounts",
      "echo x > /dev/null && head -c 4 /dev/zero | od -An -c | tr -d ' '",
      "stat -c '%u %g %a %n' /dev/shm /dev/pts/ptmx /dev /dev/mqueue",
    ].join("; ");
    const text = await output(script);
    for (const line of ["proc /proc", "tmpfs /dev", "devpts /dev/pts", "mqueue /dev/mqueue", "sysfs /sys"]) {
      expect(text.split("\n")).toContain(line);
    }
    expect(text).toContain("\\0\\0\\0\\0");
    expect(text).toContain("0 0 1777 /dev/shm");
    expect(text).toContain("0 0 666 /dev/pts/ptmx");
    expect(text).toContain("0 0 755 /dev");
  });

  test("has hosts, hostname and resolv.conf that its root may write, and its image's volumes", async () => {
    const script =
      "stat -c %u:%g /etc/hosts /etc/hostname /etc/resolv.conf /data; echo '# own' >> /etc/hosts; touch /data/x && ls /data";
    expect(await output(script, { ...inUserns(), image: "volume" })).toBe("0:0\n0:0\n0:0\n0:0\nx");
  });

  test("keeps masked and read-only paths", async () => {
    const more = { maskedPaths: ["/proc/version", "/proc/scsi", "/sys/firmware"], readonlyPaths: ["/proc/sys"] };
    const script = "(wc -c < /proc/version; ls /sys/firmware | wc -l; echo x > /proc/sys/kernel/domainname) 2>&1";
    const text = await output(`${script}; true`, inUserns(more));
    expect(text).toStartWith("0\n0\n");
    expect(text).toContain("Read-only file system");
  });

  test("gives a terminal", async () => {
    const text = await output("tty; stat -c %u:%g $(tty)", { ...inUserns(), tty: true });
    expect(text).toContain("/dev/pts/0");
    expect(text).toContain("0:5");
  });
});

describe("the namespaces of a pod with a user namespace", () => {
  test("belong to it: its root sets sysctls, and low ports and ping work", async () => {
    const sysctls = { "kernel.shm_rmid_forced": "1", "net.ipv4.ip_local_port_range": "2000 3000" };
    const pod = await bed.runPod({ linux: { sysctls, securityContext: { namespaceOptions: options } } });
    const script = [
      "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_local_port_range",
      "cat /proc/sys/net/ipv4/ping_group_range",
      "hostname",
    ].join("; ");
    const text = await bed.output(pod, script, inUserns());
    expect(text.replace(/\s+/g, " ")).toBe(`1 2000 3000 0 ${idCount - 1} ${pod.config.hostname}`);
  });

  test("the pod has its address, and reaches its gateway", async () => {
    const pod = await runPod();
    const ip = await pod.ip();
    expect(ip).not.toBe("");
    expect(
      await bed.output(pod, "ip -4 addr show; ping -c 1 -W 2 127.0.0.1 >/dev/null && echo pong", inUserns()),
    ).toContain("pong");
  });

  test("are not the host's, and the monitor's user namespace is", async () => {
    const container = await idle(await runPod());
    const pid = await container.pid();
    const own = (name: string) => readlinkSync(`/proc/${pid}/ns/${name}`);
    const host = (name: string) => readlinkSync(`/proc/self/ns/${name}`);
    for (const name of ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"]) expect(own(name)).not.toBe(host(name));
    const [parent = "0"] = statusOf(pid, "PPid");
    expect(readlinkSync(`/proc/${parent}/ns/user`)).toBe(host("user"));
  });

  test("one pid namespace for all its containers", async () => {
    const shared = ownUsers({ pid: NamespaceMode.POD });
    const pod = await runPod(shared);
    const a = await idle(pod, inUserns({}, shared));
    const b = await idle(pod, inUserns({}, shared));
    expect(await b.sh("cat /proc/1/comm; ps | grep -c '[/]bin/pause'")).toBe("crib-init\n2");
    expect(readlinkSync(`/proc/${await a.pid()}/ns/pid`)).toBe(readlinkSync(`/proc/${await b.pid()}/ns/pid`));
    expect(readlinkSync(`/proc/${await a.pid()}/ns/user`)).toBe(readlinkSync(`/proc/${await b.pid()}/ns/user`));
  });

  test("on the host's network: the host's sysfs, read-only", async () => {
    const onHost = ownUsers({ network: NamespaceMode.NODE });
    const pod = await runPod(onHost);
    const text = await bed.output(pod, "ls /sys/class/net; touch /sys/x 2>&1; true", inUserns({}, onHost));
    expect(text).toContain("lo");
    expect(text).toContain("Read-only file system");
  });
});

describe("mounts of a container in a user namespace", () => {
  test("show a volume's files with the ids they have on the disk when they are mapped", async () => {
    const hostPath = hostDirectory();
    writeFileSync(join(hostPath, "root"), "");
    writeFileSync(join(hostPath, "web"), "");
    chownSync(join(hostPath, "web"), 1000, 1000);
    const mounts = [{ containerPath: "/m", hostPath, uidMappings: [idMap()], gidMappings: [idMap()] }];
    expect(await output("stat -c %u:%g /m/root /m/web; touch /m/new", { ...inUserns(), mounts })).toBe(
      "0:0\n1000:1000",
    );
    expect(statSync(join(hostPath, "new")).uid).toBe(0);
  });

  test("without mappings they are nobody's, and cannot be written", async () => {
    const hostPath = hostDirectory();
    const mounts = [{ containerPath: "/m", hostPath }];
    const text = await output("stat -c %u:%g /m; touch /m/x 2>&1; true", { ...inUserns(), mounts });
    expect(text).toStartWith("65534:65534");
    expect(text).toContain("Permission denied");
  });

  test("a directory only the host's root may enter can be a source", async () => {
    const closed = join(hostDirectory(), "closed");
    mkdirSync(join(closed, "volume"), { recursive: true, mode: 0o700 });
    const mounts = [
      { containerPath: "/m", hostPath: join(closed, "volume"), uidMappings: [idMap()], gidMappings: [idMap()] },
    ];
    expect(await output("touch /m/x && ls /m", { ...inUserns(), mounts })).toBe("x");
  });

  test("a file system that cannot be mapped is refused with the reason", async () => {
    const mounts = [{ containerPath: "/m", hostPath: "/proc/1", uidMappings: [idMap()], gidMappings: [idMap()] }];
    const outcome = await outcomeOf(bed.run(await runPod(), { ...inUserns(), mounts }));
    expect(outcome.code).not.toBe("OK");
    expect(outcome.message).toContain("idmap");
  });

  const refused: Readonly<Record<string, [ContainerRequest["mounts"], string]>> = {
    "other mappings than the pod's": [
      [{ containerPath: "/m", hostPath: "/tmp", uidMappings: [idMap(5000)], gidMappings: [idMap(5000)] }],
      "other id mappings",
    ],
    "mounts that would reach the host": [[{ containerPath: "/m", hostPath: "/tmp", propagation: 2 }], "to the host"],
  };
  for (const [name, [mounts, message]] of Object.entries(refused)) {
    test(`refuses ${name}`, async () => {
      const outcome = await outcomeOf(bed.create(await runPod(), { ...inUserns(), ...(mounts && { mounts }) }));
      expect(outcome).toMatchObject({ code: "InvalidArgument" });
      expect(outcome.message).toContain(message);
    });
  }
});

describe("a pod with a user namespace", () => {
  const refused: Readonly<Record<string, [Parameters<typeof ownUsers>[0], string]>> = {
    "no mapping": [{ uids: [] }, "required"],
    "a mapping of nothing": [{ uids: [idMap(firstHostId, 0)] }, "length 0"],
    "a mapping beyond the last id": [{ uids: [idMap(4_294_960_000, idCount)] }, "last id"],
    "the host's root": [{ gids: [idMap(0)] }, "host's root"],
    "no root": [{ uids: [idMap(firstHostId, 10, 1)] }, "not mapped"],
    "overlapping inside": [{ uids: [idMap(firstHostId, 10), idMap(firstHostId + 100, 10, 5)] }, "overlap"],
    "overlapping outside": [{ uids: [idMap(firstHostId, 10), idMap(firstHostId + 5, 10, 10)] }, "overlap"],
    "the host's pid namespace": [{ pid: NamespaceMode.NODE }, "pid namespace"],
    "the host's ipc namespace": [{ ipc: NamespaceMode.NODE }, "ipc namespace"],
  };
  for (const [name, [changes, message]] of Object.entries(refused)) {
    test(`refuses ${name}`, async () => {
      const outcome = await outcomeOf(runPod(ownUsers(changes)));
      expect(outcome).toMatchObject({ code: "InvalidArgument" });
      expect(outcome.message).toContain(message);
    });
  }

  test("refuses a container that is not in it, and a plain pod one that would be", async () => {
    const plain = await bed.runPod();
    expect(await outcomeOf(bed.create(plain, inUserns()))).toMatchObject({ code: "InvalidArgument" });
    expect(await outcomeOf(bed.create(await runPod()))).toMatchObject({ code: "InvalidArgument" });
    const other = inUserns({}, ownUsers({ uids: [idMap(firstHostId + idCount)] }));
    expect(await outcomeOf(bed.create(await runPod(), other))).toMatchObject({ code: "InvalidArgument" });
  });

  test("lives through a killed daemon: exec, new containers, exits", async () => {
    const pod = await runPod();
    const container = await idle(pod);
    await bed.engine.kill9();
    await bed.engine.start();
    expect(await container.sh("id -u; head -c 12 /proc/self/uid_map >/dev/null && echo in")).toBe("0\nin");
    expect(await bed.output(pod, "stat -c %u /; echo new", inUserns())).toBe("0\nnew");
    const failing = await bed.run(pod, { ...inUserns(), command: ["sh", "-c", "exit 7"] });
    expect((await failing.waitExit()).exitCode).toBe(7);
  });

  test("a command that is not there fails the start, and one that is killed says by what", async () => {
    const pod = await runPod();
    const outcome = await outcomeOf(bed.run(pod, { ...inUserns(), command: ["/not/there"] }));
    expect(outcome.message).toContain("/not/there");
    const container = await idle(pod);
    await container.stop();
    expect((await container.waitExit()).exitCode).toBe(137);
  });

  test("many start and end at once without one being lost", async () => {
    const pod = await runPod();
    const codes = await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        const container = await bed.run(pod, { ...inUserns(), command: ["sh", "-c", `exit ${index}`] });
        return (await container.waitExit()).exitCode;
      }),
    );
    expect(codes).toEqual(Array.from({ length: 16 }, (_, index) => index));
  });

  test("hands ambient capabilities to a user that is not root, in its own namespace only", async () => {
    const capabilities = { addAmbientCapabilities: ["NET_BIND_SERVICE"], addCapabilities: ["NET_BIND_SERVICE"] };
    const user = { runAsUser: { value: 1000n }, capabilities };
    const text = await output("grep -E 'Cap(Eff|Amb)' /proc/self/status | tr -s '\\t' ' '", inUserns(user));
    expect(text).toBe("CapEff: 0000000000000400\nCapAmb: 0000000000000400");
  });

  test("reports the feature the kubelet asks for", async () => {
    const { runtimeHandlers } = await bed.cri.runtime.status({});
    for (const { features } of runtimeHandlers) {
      expect(features).toMatchObject({ userNamespaces: true, recursiveReadOnlyMounts: true });
    }
  });

  test("V16 its root has no power over the host's namespaces or files", async () => {
    const add = { capabilities: { addCapabilities: ["ALL"] } };
    const script = [
      "mount -t tmpfs x /mnt 2>/dev/null && echo may mount inside",
      "(echo 1 > /proc/sys/kernel/panic) 2>/dev/null && echo BROKEN",
      "mknod /tmp/disk b 8 0 2>/dev/null && echo BROKEN",
      "(echo h > /proc/sysrq-trigger) 2>/dev/null && echo BROKEN",
      "hostname -F /etc/hostname && echo named inside",
    ].join("; ");
    const text = await output(`mkdir -p /tmp /mnt; ${script}; true`, inUserns(add));
    expect(text).toBe("may mount inside\nnamed inside");
  });
});
