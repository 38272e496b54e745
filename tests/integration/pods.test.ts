import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { NamespaceMode, PodSandboxState } from "../../src/gen/runtime/v1/api_pb.ts";
import { cgroupDirectory, makeCgroup, removeCgroup } from "../harness/cgroup-tree.ts";
import { codeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { uniqueNumber } from "../harness/pod-config.ts";
import { useTestBed } from "../harness/use-test-bed.ts";

const bed = useTestBed();

describe("pod sandbox records", () => {
  test("tell back what was asked", async () => {
    const earliest = BigInt(Date.now()) * 1_000_000n;
    const labels = { app: "web", empty: "", "example.com/label": "ü" };
    const annotations = { note: "two\nlines", json: '{"a":1}' };
    const pod = await bed.runPod({ labels, annotations });
    const status = await pod.status();
    expect(status.metadata).toMatchObject({ ...pod.config.metadata, attempt: 0 });
    expect(status.labels).toEqual(labels);
    expect(status.annotations).toEqual(annotations);
    expect(status.state).toBe(PodSandboxState.SANDBOX_READY);
    expect(status.createdAt).toBeGreaterThanOrEqual(earliest);
    expect(status.createdAt).toBeLessThanOrEqual(BigInt(Date.now() + 1) * 1_000_000n);
    const { items } = await bed.cri.runtime.listPodSandbox({ filter: { id: pod.id } });
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({ id: pod.id, labels, annotations, state: PodSandboxState.SANDBOX_READY });
    expect(items[0]?.createdAt).toBe(status.createdAt);
  });

  test("verbose status carries a JSON document", async () => {
    const pod = await bed.runPod();
    const { info } = await bed.cri.runtime.podSandboxStatus({ podSandboxId: pod.id, verbose: true });
    expect(JSON.parse(info.info ?? "")).toBeObject();
  });

  test("an attempt is a pod of its own, and a removed one leaves its name", async () => {
    const metadata = { name: `again-${uniqueNumber()}`, uid: "u", namespace: "tests", attempt: 0 };
    const first = await bed.runPod({ metadata });
    const second = await bed.runPod({ metadata: { ...metadata, attempt: 1 } });
    expect(second.id).not.toBe(first.id);
    await first.stop();
    await first.remove();
    const third = await bed.runPod({ metadata });
    expect([first.id, second.id]).not.toContain(third.id);
  });

  test("two pods never share a name", async () => {
    const metadata = { name: `twin-${uniqueNumber()}`, uid: "u", namespace: "tests", attempt: 0 };
    await Promise.allSettled([bed.runPod({ metadata }), bed.runPod({ metadata, hostname: "other" })]);
    const { items } = await bed.cri.runtime.listPodSandbox({});
    expect(items.filter((item) => item.metadata?.name === metadata.name)).toHaveLength(1);
  });

  test("stop and remove can be repeated", async () => {
    const pod = await bed.runPod();
    await pod.stop();
    await pod.stop();
    expect((await pod.status()).state).toBe(PodSandboxState.SANDBOX_NOTREADY);
    await pod.remove();
    await pod.remove();
    expect(await codeOf(pod.status())).toBe("NotFound");
    expect(await codeOf(bed.cri.runtime.removePodSandbox({ podSandboxId: "f".repeat(64) }))).toBe("OK");
  });

  onlyCrib("answers NotFound before 1.7")("stopping what never was succeeds, as the CRI wants it", async () => {
    expect(await codeOf(bed.cri.runtime.stopPodSandbox({ podSandboxId: "f".repeat(64) }))).toBe("OK");
  });

  test("removing a running pod takes its containers along", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    await pod.remove();
    expect(await codeOf(container.status())).toBe("NotFound");
  });

  test("lists are filtered by id, state and labels together", async () => {
    const tag = `filter-${uniqueNumber()}`;
    const a = await bed.runPod({ labels: { tag, tier: "front" } });
    const b = await bed.runPod({ labels: { tag, tier: "back" } });
    await b.stop();
    const list = async (filter: object): Promise<readonly string[]> => {
      const { items } = await bed.cri.runtime.listPodSandbox({ filter });
      return items.map((item) => item.id).toSorted();
    };
    expect(await list({ labelSelector: { tag } })).toEqual([a.id, b.id].toSorted());
    expect(await list({ labelSelector: { tag, tier: "back" } })).toEqual([b.id]);
    expect(await list({ labelSelector: { tag }, state: { state: PodSandboxState.SANDBOX_READY } })).toEqual([a.id]);
    expect(await list({ labelSelector: { tag }, state: { state: PodSandboxState.SANDBOX_NOTREADY } })).toEqual([b.id]);
    expect(await list({ id: a.id.slice(0, 20) })).toEqual([a.id]);
    expect(await list({ id: a.id, labelSelector: { tier: "back" } })).toEqual([]);
    expect(await list({ labelSelector: { tag: "absent" } })).toEqual([]);
  });
});

describe("what a pod's containers see", () => {
  test("the pod's hostname, and not the host's", async () => {
    const pod = await bed.runPod({ hostname: "here" });
    expect(await bed.output(pod, "hostname; cat /etc/hostname")).toBe("here\nhere");
    expect(hostname()).not.toBe("here");
  });

  test("some hostname when the pod names none, however long the pod's name is", async () => {
    const metadata = { name: `long-${"x".repeat(70)}`, uid: "long", namespace: "tests", attempt: 0 };
    const pod = await bed.runPod({ hostname: "", metadata });
    expect(await bed.output(pod, "hostname")).not.toBe("");
  });

  test("resolv.conf as the pod's DNS settings say", async () => {
    const dnsConfig = {
      servers: ["192.0.2.1", "192.0.2.2"],
      searches: ["a.test", "b.test"],
      options: ["ndots:5", "edns0"],
    };
    const pod = await bed.runPod({ dnsConfig });
    const lines = (await bed.output(pod, "cat /etc/resolv.conf")).split("\n");
    expect(lines.filter((line) => line.startsWith("nameserver"))).toEqual([
      "nameserver 192.0.2.1",
      "nameserver 192.0.2.2",
    ]);
    expect(lines).toContain("search a.test b.test");
    expect(lines).toContain("options ndots:5 edns0");
  });

  test("the host's resolv.conf without any, and localhost in hosts", async () => {
    const pod = await bed.runPod();
    const nameservers = (text: string): readonly string[] =>
      text.split("\n").filter((line) => line.startsWith("nameserver"));
    const inside = await bed.output(pod, "cat /etc/resolv.conf");
    expect(nameservers(inside)).toEqual(nameservers(readFileSync("/etc/resolv.conf", "utf8")));
    expect(await bed.output(pod, "cat /etc/hosts")).toMatch(/^127\.0\.0\.1\s+.*localhost/m);
  });

  test("64 MiB of shared memory, the same in every container", async () => {
    const pod = await bed.runPod();
    const a = await bed.runIdle(pod);
    const b = await bed.runIdle(pod);
    expect(await a.sh("df -k /dev/shm | tail -1 | awk '{print $2}'")).toBe("65536");
    await a.sh("echo shared > /dev/shm/note");
    expect(await b.sh("cat /dev/shm/note")).toBe("shared");
    expect(existsSync("/dev/shm/note")).toBe(false);
  });

  test("one network, IPC and UTS namespace for all, and mounts and processes of their own", async () => {
    const pod = await bed.runPod();
    const a = await bed.runIdle(pod);
    const b = await bed.runIdle(pod);
    const namespace = async (container: typeof a, kind: string): Promise<string> =>
      container.sh(`readlink /proc/self/ns/${kind}`);
    for (const kind of ["net", "ipc", "uts"]) {
      expect(await namespace(a, kind)).toBe(await namespace(b, kind));
      expect(await namespace(a, kind)).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
    }
    for (const kind of ["mnt", "pid"]) expect(await namespace(a, kind)).not.toBe(await namespace(b, kind));
  });

  test("sysctls of the pod's namespaces, and the host's stay", async () => {
    const sysctls = { "net.ipv4.ip_unprivileged_port_start": "80", "kernel.shm_rmid_forced": "1" };
    const before = readFileSync("/proc/sys/kernel/shm_rmid_forced", "utf8");
    const pod = await bed.runPod({ linux: { sysctls } });
    const seen = await bed.output(
      pod,
      "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced",
    );
    expect(seen).toBe("80\n1");
    expect(readFileSync("/proc/sys/kernel/shm_rmid_forced", "utf8")).toBe(before);
  });

  test("the host's network, hostname and no address of their own with network mode NODE", async () => {
    const securityContext = { namespaceOptions: { network: NamespaceMode.NODE } };
    const pod = await bed.runPod({ hostname: "", linux: { securityContext } });
    const container = await bed.runIdle(pod, { linux: { securityContext } });
    expect(await container.sh("readlink /proc/self/ns/net")).toBe(readlinkSync("/proc/self/ns/net"));
    expect(await container.sh("hostname")).toBe(hostname());
    const status = await pod.status();
    expect(status.linux?.namespaces?.options?.network).toBe(NamespaceMode.NODE);
    expect(status.network?.ip ?? "").toBe("");
  });

  onlyCrib("refuses the pod: runc sets no hostname without a namespace for it")(
    "a hostname of their own on the host's network, and the host keeps its own (it was ignored)",
    async () => {
      const before = hostname();
      const securityContext = { namespaceOptions: { network: NamespaceMode.NODE } };
      const pod = await bed.runPod({ hostname: "its-own", linux: { securityContext } });
      const container = await bed.runIdle(pod, { linux: { securityContext } });
      expect(await container.sh("readlink /proc/self/ns/net")).toBe(readlinkSync("/proc/self/ns/net"));
      expect(await container.sh("hostname; cat /etc/hostname; echo $HOSTNAME")).toBe("its-own\nits-own\nits-own");
      expect(hostname()).toBe(before);
    },
  );

  test.each([
    ["a trailing dot, as a kubelet without clusterDomain sends it", "web.default.pod."],
    ["an underscore", "my_pod"],
    ["a leading dash", "-web"],
    ["64 characters", "h".repeat(64)],
  ])("a hostname with %s (the pod never started)", async (_what, name) => {
    const pod = await bed.runPod({ hostname: name });
    expect(await bed.output(pod, "hostname; cat /etc/hostname; echo $HOSTNAME")).toBe(`${name}\n${name}\n${name}`);
  });

  test("a hostname that would be more than a name in /etc/hosts leaves its lines whole", async () => {
    const pod = await bed.runPod({ hostname: "a b#c" });
    const hosts = await bed.output(pod, "hostname; grep -c . /etc/hosts; grep -v '^[0-9a-f:.]*[[:space:]]' /etc/hosts");
    expect(hosts).toMatch(/^a b#c\n\d+$/);
    expect(await bed.output(pod, "grep -c 'a b' /etc/hosts || true")).toBe("0");
  });

  test("the host's IPC namespace with IPC mode NODE", async () => {
    const securityContext = { namespaceOptions: { ipc: NamespaceMode.NODE } };
    const pod = await bed.runPod({ linux: { securityContext } });
    const container = await bed.runIdle(pod, { linux: { securityContext } });
    expect(await container.sh("readlink /proc/self/ns/ipc")).toBe(readlinkSync("/proc/self/ns/ipc"));
  });
});

describe("process namespaces", () => {
  const context = (pid: NamespaceMode, targetId = "") => ({ securityContext: { namespaceOptions: { pid, targetId } } });

  test("CONTAINER: the workload is PID 1", async () => {
    const pod = await bed.runPod({ linux: context(NamespaceMode.CONTAINER) });
    const container = await bed.runIdle(pod, { linux: context(NamespaceMode.CONTAINER) });
    expect(await container.sh("cat /proc/1/comm")).toBe("pause");
  });

  test("POD: containers see each other, and something else is PID 1", async () => {
    const pod = await bed.runPod({ linux: context(NamespaceMode.POD) });
    const a = await bed.run(pod, { command: ["sleep", "7654"], linux: context(NamespaceMode.POD) });
    const b = await bed.runIdle(pod, { linux: context(NamespaceMode.POD) });
    const list = await b.sh("ps -o args");
    expect(list).toContain("sleep 7654");
    expect(await b.sh("tr '\\0' ' ' < /proc/1/cmdline")).not.toContain("sleep");
    await a.stop();
    expect((await a.waitExit()).exitCode).toBe(137);
    expect(await b.sh("echo alive")).toBe("alive");
  });

  test("nothing said: what the status tells, one namespace for the pod (it told POD, and each had its own)", async () => {
    const linux = { securityContext: undefined as never };
    const pod = await bed.runPod({ linux });
    expect((await pod.status()).linux?.namespaces?.options?.pid ?? NamespaceMode.POD).toBe(NamespaceMode.POD);
    const a = await bed.run(pod, { command: ["sleep", "7654"], linux });
    const b = await bed.runIdle(pod, { linux });
    expect(await b.sh("ps -o args")).toContain("sleep 7654");
    expect(await b.sh("readlink /proc/self/ns/pid")).toBe(await a.sh("readlink /proc/self/ns/pid"));
    const alone = await bed.runIdle(pod, { linux: context(NamespaceMode.CONTAINER) });
    expect(await alone.sh("cat /proc/1/comm")).toBe("pause");
  });

  test("NODE: the host's processes are there", async () => {
    const pod = await bed.runPod({ linux: context(NamespaceMode.NODE) });
    const container = await bed.runIdle(pod, { linux: context(NamespaceMode.NODE) });
    expect(await container.sh("readlink /proc/self/ns/pid")).toBe(readlinkSync("/proc/self/ns/pid"));
    expect(await container.sh(`cat /proc/${process.pid}/comm`)).toBe(
      readFileSync(`/proc/${process.pid}/comm`, "utf8").trim(),
    );
  });

  test("TARGET: the processes of another container, as debug containers want", async () => {
    const pod = await bed.runPod({ linux: context(NamespaceMode.CONTAINER) });
    const target = await bed.run(pod, { command: ["sleep", "8765"], linux: context(NamespaceMode.CONTAINER) });
    const debug = await bed.runIdle(pod, { linux: context(NamespaceMode.TARGET, target.id) });
    expect(await debug.sh("tr '\\0' ' ' < /proc/1/cmdline")).toBe("sleep 8765");
  });
});

describe("cgroups", () => {
  test("containers live below cgroup_parent, and a parent that was there stays", async () => {
    const group = `${bed.engine.cgroupParent}/kubelet-made`;
    makeCgroup(group);
    try {
      const pod = await bed.runPod({ linux: { cgroupParent: group } });
      const container = await bed.runIdle(pod);
      const groups = readFileSync(`/proc/${await container.pid()}/cgroup`, "utf8")
        .trim()
        .split("\n");
      const memory = groups.find((line) => line.includes(":memory:") || line.startsWith("0::/crib")) ?? "";
      expect(memory.split(":")[2]).toStartWith(`${group}/`);
      expect(memory).toContain(container.id);
      await pod.remove();
      expect(existsSync(cgroupDirectory("memory", group))).toBe(true);
    } finally {
      removeCgroup(group);
    }
  });

  test("a missing parent is made, and the pod's groups are gone afterwards", async () => {
    const group = `${bed.engine.cgroupParent}/engine-made`;
    try {
      const pod = await bed.runPod({ linux: { cgroupParent: group } });
      const container = await bed.runIdle(pod);
      const directory = cgroupDirectory(
        "memory",
        readFileSync(`/proc/${await container.pid()}/cgroup`, "utf8").match(/:memory:(.*)/)?.[1] ?? "",
      );
      expect(existsSync(directory)).toBe(true);
      await pod.remove();
      expect(existsSync(directory)).toBe(false);
    } finally {
      removeCgroup(group);
    }
  });

  onlyCrib("leaves a parent it made")("a parent the engine made goes with the pod", async () => {
    const group = `${bed.engine.cgroupParent}/engine-made`;
    const pod = await bed.runPod({ linux: { cgroupParent: group } });
    await bed.runIdle(pod);
    await pod.remove();
    expect(existsSync(cgroupDirectory("memory", group))).toBe(false);
  });
});

describe("network", () => {
  const server = ["sh", "-c", "mkdir -p /w; echo it works > /w/index.html; exec httpd -f -p 8080 -h /w"];
  const page = async (url: string): Promise<string> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return (await (await fetch(url, { signal: AbortSignal.timeout(2_000) })).text()).trim();
      } catch (error) {
        if (attempt === 40) throw error;
        await Bun.sleep(25);
      }
    }
  };

  test("a pod's address answers, on the host and in other pods", async () => {
    const pod = await bed.runPod();
    await bed.run(pod, { command: server });
    const ip = await pod.ip();
    expect(ip).toMatch(/^10\./);
    expect(await page(`http://${ip}:8080/`)).toBe("it works");
    const other = await bed.runPod();
    expect(await bed.output(other, `wget -q -O - http://${ip}:8080/`)).toBe("it works");
    expect(await other.ip()).not.toBe(ip);
  });

  test("loopback is up and is the pod's own", async () => {
    const pod = await bed.runPod();
    await bed.run(pod, { command: server });
    const idle = await bed.runIdle(pod);
    await page(`http://${await pod.ip()}:8080/`);
    expect(await idle.sh("wget -q -O - http://127.0.0.1:8080/")).toBe("it works");
  });

  test("a host port leads to the pod until it stops", async () => {
    const hostPort = 20_000 + (process.pid % 10_000) + uniqueNumber();
    const pod = await bed.runPod({ portMappings: [{ containerPort: 8080, hostPort }] });
    await bed.run(pod, { command: server });
    await page(`http://${await pod.ip()}:8080/`);
    expect(await page(`http://127.0.0.1:${hostPort}/`)).toBe("it works");
    await pod.stop();
    const answer = fetch(`http://127.0.0.1:${hostPort}/`, { signal: AbortSignal.timeout(1_000) });
    expect(await answer.then(() => "answered").catch(() => "refused")).toBe("refused");
  });
});
