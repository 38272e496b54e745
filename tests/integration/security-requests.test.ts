import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf, outcomeOf } from "../harness/error-code.ts";
import { hostileImage } from "../harness/hostile-image.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { idMap, ownUsers } from "../harness/user-namespace.ts";

/** Attacks in what a pod, a container or an image asks for in words. */
const bed = useTestBed({ images: ["busybox"] });
const crib = onlyCrib("not asked");
const MIB = 1n << 20n;

function groupsOf(pid: number): string {
  return readFileSync(`/proc/${pid}/cgroup`, "utf8");
}

describe("V09 CVE-2019-16884: an image that declares volumes over procfs", () => {
  for (const path of ["/proc", "/proc/self", "/proc/self/attr", "/proc/sys/kernel"]) {
    crib(`V09: VOLUME ${path} makes no container`, async () => {
      const imageReference = await hostileImage(bed, undefined, { Volumes: { [path]: {} } });
      const outcome = await outcomeOf(bed.create(await bed.runPod(), { imageReference }));
      expect(outcome).toEqual({ code: "InvalidArgument", message: expect.stringContaining("would cover procfs") });
    });
  }
});

describe("V15 V16: annotations", () => {
  const marker = (name: string) => join(bed.engine.directory, name);

  crib("V15 V16: of runtimes, of systemd and almost of CDI change nothing", async () => {
    const container = {
      "org.systemd.property.ExecStopPost": `[('/bin/touch', ['touch', '${marker("stop")}'], false)]`,
      "org.systemd.property.ExecStartPre": marker("start"),
      "run.oci.hooks.stderr": marker("hooks"),
      "run.oci.handler": "krun",
      "run.oci.systemd.subgroup": "../../..",
      "org.criu.config": marker("criu"),
      "io.kubernetes.cri-o.UnifiedCgroup": "memory.max=max",
      "io.kubernetes.cri-o.UnifiedCgroup/container": "memory.max=max",
      // What is obeyed begins with "cdi.k8s.io/": no device of that name exists, so that obeying it is an error.
      "cdi.k8s.io": "vendor.example/none=x",
      "cdi.k8s.ioo/device": "vendor.example/none=x",
      "xcdi.k8s.io/device": "vendor.example/none=x",
      "CDI.k8s.io/device": "vendor.example/none=x",
    };
    const linux = { resources: { memoryLimitInBytes: 64n * MIB } };
    const pod = await bed.runPod({ annotations: { ...container, "cdi.k8s.io/device": "vendor.example/none=x" } });
    const plain = await bed.runIdle(pod, { linux });
    const hostile = await bed.runIdle(pod, { linux, annotations: container });
    const own = (id: string, text: string) => text.replaceAll(id, "ID");
    expect(own(hostile.id, groupsOf(await hostile.pid()))).toBe(own(plain.id, groupsOf(await plain.pid())));
    const limit = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true";
    expect(await hostile.sh(limit)).toBe(String(64n * MIB));
    await hostile.stop();
    await hostile.remove();
    for (const name of ["stop", "start", "hooks", "criu"]) expect(existsSync(marker(name))).toBe(false);
    const exact = bed.create(pod, { annotations: { "cdi.k8s.io/device": "vendor.example/none=x" } });
    expect(await codeOf(exact)).not.toBe("OK");
  });
});

describe("V17 CVE-2026-30892: users that look like numbers", () => {
  // What becomes of each: the uid, or "" for a refusal.
  const cases: Readonly<Record<string, string>> = {
    "1": "1",
    "01": "",
    "+1": "",
    "1e0": "",
    "0x0": "",
    " 0": "",
    "4294967295": "",
    "1:x": "",
  };
  for (const [user, uid] of Object.entries(cases)) {
    crib(
      `V17: ${JSON.stringify(user)} is ${uid === "" ? "refused" : `user ${uid}`}, from the image and as a name`,
      async () => {
        const imageReference = await hostileImage(bed, undefined, { User: user });
        const pod = await bed.runPod();
        for (const request of [{ imageReference }, { linux: { securityContext: { runAsUsername: user } } }]) {
          let seen = "";
          const outcome = await outcomeOf(
            bed.output(pod, "busybox id -u", request).then((text) => {
              seen = text;
            }),
          );
          expect([user, seen, outcome.code === "OK"]).toEqual([user, uid, uid !== ""]);
        }
      },
    );
  }

  crib('V17: "1:" is user 1 where an image says it, as images do, and refused as a name', async () => {
    const imageReference = await hostileImage(bed, undefined, { User: "1:" });
    const pod = await bed.runPod();
    expect(await bed.output(pod, "busybox id -u", { imageReference })).toBe("1");
    const named = { linux: { securityContext: { runAsUsername: "1:" } } };
    expect(await codeOf(bed.create(pod, { command: ["true"], ...named }))).not.toBe("OK");
  });
});

describe("V18 CVE-2021-43784: lengths", () => {
  crib("V18: a uid map of 5,000 ranges is refused, and nothing is left of the pod", async () => {
    const maps = Array.from({ length: 5000 }, (_, index) => idMap(2_000_000 + index, 1, index));
    const namespaceOptions = ownUsers({ uids: maps, gids: maps });
    expect(await codeOf(bed.runPod({ linux: { securityContext: { namespaceOptions } } }))).toBe("InvalidArgument");
    expect((await bed.cri.runtime.listPodSandbox({})).items).toEqual([]);
  });
});

describe("V19 V20: control groups", () => {
  for (const cgroupParent of ["/../../x", "/kubepods/../../x", "kubepods", "/a/./../../b"]) {
    crib(`V19: cgroup_parent ${cgroupParent} is refused`, async () => {
      expect(await codeOf(bed.runPod({ linux: { cgroupParent } }))).toBe("InvalidArgument");
    });
  }

  crib("V20: a pod with a user namespace is below its parent, and the limit ends what exceeds it", async () => {
    const namespaceOptions = ownUsers();
    const securityContext = { namespaceOptions };
    const resources = { memoryLimitInBytes: 32n * MIB, memorySwapLimitInBytes: 32n * MIB };
    const pod = await bed.runPod({ linux: { securityContext } });
    const idle = await bed.runIdle(pod, { linux: { securityContext, resources } });
    for (const line of groupsOf(await idle.pid())
      .trim()
      .split("\n")) {
      const [, controllers = "", path = ""] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
      if (/memory|pids|cpu/.test(controllers)) expect(path).toStartWith(`${bed.engine.cgroupParent}/`);
    }
    const hungry = await bed.run(pod, { command: ["tail", "/dev/zero"], linux: { securityContext, resources } });
    expect(await hungry.waitExit()).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
  });
});

describe("V22 CVE-2020-15257: sockets", () => {
  crib("V22: of the daemon and its monitors none has an abstract name", async () => {
    const container = await bed.runIdle(
      await bed.runPod({ linux: { securityContext: { namespaceOptions: { network: 2 } } } }),
      {
        linux: { securityContext: { namespaceOptions: { network: 2 } } },
      },
    );
    const monitor = Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${await container.pid()}/status`, "utf8"))?.[1]);
    const sockets = new Set(
      [bed.engine.pid, monitor].flatMap((pid) =>
        readdirSync(`/proc/${pid}/fd`).map((fd) => {
          try {
            return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? "";
          } catch {
            // Closed since it was listed.
            return "";
          }
        }),
      ),
    );
    const names = (await container.sh("cat /proc/net/unix"))
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , , , , inode = ""]) => sockets.has(inode))
      .map((fields) => fields[7] ?? "");
    expect(names.filter((name) => name.startsWith("/")).length).toBeGreaterThan(1);
    expect(names.filter((name) => name.startsWith("@"))).toEqual([]);
  });
});

describe("V27: devices", () => {
  test("V27: a disk that is not the container's cannot be opened, nor while its resources are updated", async () => {
    const disk = ["/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0"].find((path) => existsSync(path));
    const { rdev } = disk === undefined ? { rdev: 7 << 8 } : statSync(disk);
    const container = await bed.run(await bed.runPod(), {
      command: [
        "sh",
        "-c",
        `mknod /tmp/b b 8 0; mknod /tmp/disk b ${(rdev >> 8) & 0xfff} ${rdev & 0xff}
         while :; do for d in /tmp/b /tmp/disk; do
           head -c 1 $d 2>&1 | grep -q 'Operation not permitted' && seen=x$seen || echo "OPENED $d"
         done; [ "$seen" = xxxxxxxxxx ] && echo refused; done`,
      ],
    });
    for (let round = 0; round < 30; round++) {
      const linux = { cpuShares: BigInt(512 + round), memoryLimitInBytes: BigInt(64 + round) * MIB };
      await bed.cri.runtime.updateContainerResources({ containerId: container.id, linux });
    }
    expect(await container.waitLog("refused")).not.toContain("OPENED");
  });
});
