import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MountPropagation } from "../../src/gen/runtime/v1/api_pb.ts";
import { outcomeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { uniqueNumber } from "../harness/pod-config.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed({ images: ["busybox", "whiteout", "volume"] });

/** A new directory of the host to mount. */
function hostDirectory(): string {
  const path = join(bed.engine.directory, "volumes", String(uniqueNumber()));
  mkdirSync(path, { recursive: true });
  return path;
}

describe("the root filesystem", () => {
  test("is the union of the image's layers", async () => {
    const script = "cd /w; for f in kept replaced link sym opaque/new; do echo $f=$(cat $f); done; ls -A . opaque";
    const lines = (await bed.output(await bed.runPod(), script, { image: "whiteout" })).split("\n");
    expect(lines.slice(0, 5)).toEqual(["kept=kept", "replaced=upper", "link=upper", "sym=kept", "opaque/new=new"]);
    expect(lines.slice(5).join(" ")).toBe(".: kept link opaque replaced sym  opaque: new");
  });

  test("is writable, each container its own", async () => {
    const pod = await bed.runPod();
    const a = await bed.runIdle(pod);
    const b = await bed.runIdle(pod);
    await a.sh("echo mine > /etc/passwd; rm /bin/vi; mkdir /made");
    expect(await b.sh("test -e /bin/vi && test ! -e /made && head -1 /etc/passwd")).toStartWith("root:");
  });

  test("read-only refuses writes but keeps the usual places writable", async () => {
    const linux = { securityContext: { readonlyRootfs: true } };
    const script = "touch /x 2>&1; touch /etc/x 2>&1; touch /dev/shm/x && echo shm";
    const text = await bed.output(await bed.runPod(), script, { linux });
    expect(text.match(/Read-only file system/g)).toHaveLength(2);
    expect(text).toEndWith("shm");
  });

  test("shows the file systems every program expects", async () => {
    const text = await bed.output(await bed.runPod(), "awk '{print $3, $2}' /proc/mounts");
    const expected = [
      "proc /proc",
      "tmpfs /dev",
      "devpts /dev/pts",
      "mqueue /dev/mqueue",
      "sysfs /sys",
      "tmpfs /dev/shm",
    ];
    for (const line of expected) expect(text.split("\n")).toContain(line);
  });

  test("an image's volume is a directory of its own", async () => {
    expect(await bed.output(await bed.runPod(), "touch /data/x && ls /data", { image: "volume" })).toBe("x");
  });
});

describe("bind mounts", () => {
  test("show the host's directory, both ways", async () => {
    const hostPath = hostDirectory();
    writeFileSync(join(hostPath, "from-host"), "hello");
    const mounts = [{ containerPath: "/made/for/mount", hostPath }];
    const text = await bed.output(
      await bed.runPod(),
      "cat /made/for/mount/from-host; echo > /made/for/mount/from-pod",
      { mounts },
    );
    expect(text).toBe("hello");
    expect(existsSync(join(hostPath, "from-pod"))).toBe(true);
  });

  test("read-only ones refuse writes", async () => {
    const hostPath = hostDirectory();
    const mounts = [{ containerPath: "/m", hostPath, readonly: true }];
    expect(await bed.output(await bed.runPod(), "touch /m/x 2>&1 || true", { mounts })).toContain(
      "Read-only file system",
    );
    expect(existsSync(join(hostPath, "x"))).toBe(false);
  });

  test("a single file can be mounted over another", async () => {
    const hostPath = join(hostDirectory(), "file");
    writeFileSync(hostPath, "replaced\n");
    const mounts = [{ containerPath: "/etc/group", hostPath }];
    expect(await bed.output(await bed.runPod(), "cat /etc/group", { mounts })).toBe("replaced");
  });

  test("nest in order of their paths, whatever order they are given in", async () => {
    const outer = hostDirectory();
    const inner = hostDirectory();
    mkdirSync(join(outer, "in"));
    writeFileSync(join(outer, "name"), "outer");
    writeFileSync(join(inner, "name"), "inner");
    const mounts = [
      { containerPath: "/m/in", hostPath: inner },
      { containerPath: "/m", hostPath: outer },
    ];
    expect(await bed.output(await bed.runPod(), "cat /m/name /m/in/name", { mounts })).toBe("outerinner");
  });

  test("a symbolic link on the host is followed", async () => {
    const target = hostDirectory();
    writeFileSync(join(target, "name"), "target");
    const hostPath = join(hostDirectory(), "link");
    symlinkSync(target, hostPath);
    expect(await bed.output(await bed.runPod(), "cat /m/name", { mounts: [{ containerPath: "/m", hostPath }] })).toBe(
      "target",
    );
  });

  test("a source that is missing is made a directory, as the kubelet relies on", async () => {
    const hostPath = join(hostDirectory(), "not", "there");
    expect(
      await bed.output(await bed.runPod(), "touch /m/x; ls /m", { mounts: [{ containerPath: "/m", hostPath }] }),
    ).toBe("x");
    expect(statSync(hostPath).isDirectory()).toBe(true);
  });

  onlyCrib("recursive read-only mounts came with 2.0")(
    "recursively read-only ones refuse writes below a mount of the source too",
    async () => {
      const hostPath = hostDirectory();
      mkdirSync(join(hostPath, "sub"));
      Bun.spawnSync(["mount", "-t", "tmpfs", "below", join(hostPath, "sub")]);
      try {
        const mounts = [
          { containerPath: "/plain", hostPath, readonly: true },
          { containerPath: "/all", hostPath, readonly: true, recursiveReadOnly: true },
        ];
        const script = "touch /plain/sub/x && echo plain; (touch /all/x; touch /all/sub/y) 2>&1; true";
        const text = await bed.output(await bed.runPod(), script, { mounts });
        expect(text).toStartWith("plain");
        expect(text.match(/Read-only file system/g)).toHaveLength(2);
        expect(existsSync(join(hostPath, "sub/y"))).toBe(false);
      } finally {
        Bun.spawnSync(["umount", "-l", join(hostPath, "sub")]);
      }
    },
  );

  onlyCrib("it does not know the field")(
    "recursively read-only ones that are not wholly private are refused",
    async () => {
      const hostPath = hostDirectory();
      for (const wrong of [{ readonly: false }, { readonly: true, propagation: 1 }]) {
        const mounts = [{ containerPath: "/m", hostPath, recursiveReadOnly: true, ...wrong }];
        expect(await outcomeOf(bed.create(await bed.runPod(), { mounts }))).toMatchObject({ code: "InvalidArgument" });
      }
    },
  );

  test("are in the status", async () => {
    const hostPath = hostDirectory();
    const container = await bed.create(await bed.runPod(), {
      mounts: [{ containerPath: "/m", hostPath, readonly: true }],
    });
    const { mounts } = await container.status();
    expect(mounts.find((mount) => mount.containerPath === "/m")).toMatchObject({ hostPath, readonly: true });
  });

  test("an image's link cannot lead a mount out of the root", async () => {
    const hostPath = hostDirectory();
    const victim = hostDirectory();
    writeFileSync(join(victim, "name"), "host");
    // The link is made by an earlier container in a volume both share.
    const shared = hostDirectory();
    symlinkSync(victim, join(shared, "way-out"));
    const mounts = [
      { containerPath: "/s", hostPath: shared },
      { containerPath: "/s/way-out/sub", hostPath },
    ];
    await outcomeOf(bed.output(await bed.runPod(), "true", { mounts }));
    expect(existsSync(join(victim, "sub"))).toBe(false);
  });
});

describe("mount propagation", () => {
  const source = (): string => hostDirectory();
  const made: string[] = [];
  afterAll(() => {
    for (const path of made.toReversed()) Bun.spawnSync(["umount", "-l", path]);
  });
  const sharedMount = (path: string): void => {
    for (const command of [
      ["mount", "--bind", path, path],
      ["mount", "--make-rshared", path],
    ])
      Bun.spawnSync(command);
    made.push(path);
  };
  const hostMountInside = (path: string): void => {
    mkdirSync(join(path, "sub"), { recursive: true });
    Bun.spawnSync(["mount", "-t", "tmpfs", "late", join(path, "sub")]);
    made.push(join(path, "sub"));
  };
  const sees = "grep -c ' /m/sub ' /proc/self/mounts || true";

  test("private: what the host mounts later is not seen", async () => {
    const hostPath = source();
    sharedMount(hostPath);
    const container = await bed.runIdle(await bed.runPod(), { mounts: [{ containerPath: "/m", hostPath }] });
    hostMountInside(hostPath);
    expect(await container.sh(sees)).toBe("0");
  });

  test("host to container: it is seen", async () => {
    const hostPath = source();
    sharedMount(hostPath);
    const propagation = MountPropagation.PROPAGATION_HOST_TO_CONTAINER;
    const container = await bed.runIdle(await bed.runPod(), {
      mounts: [{ containerPath: "/m", hostPath, propagation }],
    });
    hostMountInside(hostPath);
    expect(await container.sh(sees)).toBe("1");
  });

  test("bidirectional: a privileged container's mount reaches the host", async () => {
    const hostPath = source();
    sharedMount(hostPath);
    const propagation = MountPropagation.PROPAGATION_BIDIRECTIONAL;
    const privileged = { securityContext: { privileged: true } };
    const pod = await bed.runPod({ linux: privileged });
    const mounts = [{ containerPath: "/m", hostPath, propagation }];
    const container = await bed.runIdle(pod, { mounts, linux: privileged });
    await container.sh("mkdir /m/sub && mount -t tmpfs early /m/sub");
    const onHost = (): boolean => readFileSync("/proc/mounts", "utf8").includes(`${hostPath}/sub `);
    await waitUntil(onHost, { what: "the mount shows on the host" });
    await container.sh("umount /m/sub");
    await waitUntil(() => !onHost(), { what: "the mount is gone from the host" });
  });

  test("shared propagation of a source that is not shared is refused", async () => {
    const hostPath = source();
    Bun.spawnSync(["mount", "--bind", hostPath, hostPath]);
    Bun.spawnSync(["mount", "--make-private", hostPath]);
    made.push(hostPath);
    const propagation = MountPropagation.PROPAGATION_BIDIRECTIONAL;
    const work = bed.run(await bed.runPod(), {
      command: ["true"],
      mounts: [{ containerPath: "/m", hostPath, propagation }],
    });
    const outcome = await outcomeOf(work);
    expect(outcome.code).not.toBe("OK");
    expect(outcome.message).toContain("shared");
  });
});
