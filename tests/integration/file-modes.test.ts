import { describe, expect, test } from "bun:test";
import { lstatSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { onlyCrib } from "../harness/only-crib.ts";
import { uniqueNumber } from "../harness/pod-config.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { ownUsers } from "../harness/user-namespace.ts";

const bed = useTestBed({ images: ["busybox", "volume", "workdir"] });
const nobody = 65534;
/** What `access(2)` says to nobody: what a probe of the mode alone would not show is an unreadable parent. */
const readable = (path: string): string => `test -r ${path}`;
const enterable = (path: string): string => `ls ${path} >/dev/null`;
const writable = (path: string): string => `touch ${path}/x`;

/** [path in the container, its mode, what nobody must be able to do there]. */
const seenInside: readonly (readonly [path: string, mode: string, ability: (path: string) => string])[] = [
  ["/", "755", enterable],
  ["/etc/hosts", "644", readable],
  ["/etc/hostname", "644", readable],
  ["/etc/resolv.conf", "644", readable],
  ["/dev", "755", enterable],
  ["/dev/null", "666", readable],
  ["/dev/shm", "1777", writable],
  ["/dev/mqueue", "1777", writable],
  ["/dev/pts", "755", enterable],
  ["/proc", "555", enterable],
  ["/sys", "555", enterable],
  ["/made", "755", enterable],
  ["/made/for", "755", enterable],
  ["/made/for/mount", "755", enterable],
  ["/made/file", "755", enterable],
  ["/missing", "755", enterable],
  ["/missing/below", "755", enterable],
];

const asNobody = { securityContext: { runAsUser: { value: BigInt(nobody) }, runAsGroup: { value: BigInt(nobody) } } };
const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);
const newHostPath = (): string => join(bed.engine.directory, "made", String(uniqueNumber()), "deep");

/** Every line that is not as it should be; a path may be a pattern. */
function script(rows: typeof seenInside): string {
  return rows
    .map(([path, mode, ability]) => {
      const check = `[ "$(stat -c %a "$p")" = ${mode} ] || echo "$p is $(stat -c %a "$p"), not ${mode}"`;
      return `for p in ${path}; do ${check}; ${ability('"$p"')} || echo "$p: ${ability.name} no"; done 2>&1`;
    })
    .join("\n");
}

describe.each([
  ["", undefined],
  [" of a pod with users of its own", ownUsers()],
] as const)("nobody in a container%s", (_, namespaceOptions) => {
  test("reads and enters what is made for it", async () => {
    const pod = await bed.runPod(
      namespaceOptions === undefined ? {} : { linux: { securityContext: { namespaceOptions } } },
    );
    const security = namespaceOptions === undefined ? {} : { namespaceOptions };
    const text = await bed.output(pod, script(seenInside), {
      linux: { securityContext: { ...asNobody.securityContext, ...security } },
      mounts: [
        { containerPath: "/made/for/mount", hostPath: newHostPath() },
        { containerPath: "/made/file/resolv", hostPath: "/etc/hostname" },
        { containerPath: "/missing/below", hostPath: newHostPath() },
      ],
    });
    expect(text).toBe("");
  });

  test("reads its own control groups", async () => {
    const pod = await bed.runPod(
      namespaceOptions === undefined ? {} : { linux: { securityContext: { namespaceOptions } } },
    );
    const security = namespaceOptions === undefined ? {} : { namespaceOptions };
    const groups = "$(find /sys/fs/cgroup -maxdepth 1 -type d)";
    const limits = "$(ls -d /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null)";
    const text = await bed.output(
      pod,
      `${script([
        [groups, "755", enterable],
        [limits, "644", readable],
      ])}\n[ -n "${limits}" ] || echo none`,
      {
        linux: {
          resources: { memoryLimitInBytes: 64n << 20n },
          securityContext: { ...asNobody.securityContext, ...security },
        },
      },
    );
    expect(text).toBe("");
  });

  test("enters an image's volume", async () => {
    const pod = await bed.runPod(
      namespaceOptions === undefined ? {} : { linux: { securityContext: { namespaceOptions } } },
    );
    const security = namespaceOptions === undefined ? {} : { namespaceOptions };
    const linux = { securityContext: { ...asNobody.securityContext, ...security } };
    const text = await bed.output(pod, script([["/data", "755", enterable]]), { image: "volume", linux });
    expect(text).toBe("");
  });
});

test("nobody enters a working directory that the image lacks, and its parents", async () => {
  const rows = ["/made", "/made/by", "/made/by/the", "/made/by/the/engine"].map((p) => [p, "755", enterable] as const);
  const text = await bed.output(await bed.runPod(), script(rows), { image: "workdir", linux: asNobody });
  expect(text).toBe("");
});

describe("on the host", () => {
  test("directories made for a mount and for logs can be entered, with their parents", async () => {
    const hostPath = newHostPath();
    const pod = await bed.runPod();
    const mounts = [{ containerPath: "/m", hostPath }];
    const container = await bed.run(pod, { command: ["/bin/true"], logPath: "made/below/c_0.log", mounts });
    await container.waitExit();
    for (const path of [hostPath, dirname(hostPath), dirname(container.logPath), dirname(dirname(container.logPath))]) {
      expect([path, modeOf(path)]).toEqual([path, "755"]);
    }
    // As containerd's: a group reads logs.
    expect(modeOf(container.logPath)).toBe("640");
  });

  onlyCrib("where each engine keeps what is nobody's business")("what is not for others stays closed", async () => {
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod);
    const { engine } = bed;
    const closed = [engine.root, engine.state, join(engine.root, "containers", container.id)];
    closed.push(join(engine.root, "layers"), join(engine.root, "content"), join(engine.state, "pods", pod.id));
    for (const path of closed) expect([path, modeOf(path)]).toEqual([path, "700"]);
    expect(modeOf(engine.socket)).toBe("600");
    for (const name of readdirSync(engine.root).filter((each) => each.startsWith("meta.db"))) {
      expect([name, modeOf(join(engine.root, name))]).toEqual([name, "600"]);
    }
    expect(modeOf(join(engine.state, "netns", pod.id))).toBe("444");
  });
});
