import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { uniqueNumber } from "../harness/pod-config.ts";
import { pullBusyboxWith } from "../harness/pull-busybox-with.ts";
import { readXattr } from "../harness/read-xattr.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { firstHostId, ownUsers } from "../harness/user-namespace.ts";

/** VOLUME of an image: what a container finds there, may do with it, and leaves. */
const bed = useTestBed();

const readonlyRoot = { securityContext: { readonlyRootfs: true } };

function content(): LayerBuilder {
  return new LayerBuilder()
    .dir("data", { mode: 0o2775, uid: 1000, gid: 1001, mtimeSeconds: 1_500_000_000 })
    .file("data/one", "one", { mode: 0o640, uid: 1000, gid: 1001, xattrs: { "user.note": "kept" } })
    .hardLink("data/two", "data/one", { mode: 0o640, uid: 1000, gid: 1001 })
    .symlink("data/passwd", "/etc/passwd")
    .symlink("data/host", `${"../".repeat(12)}etc/shadow`)
    .fifo("data/fifo")
    .dir("data/sub", { mode: 0o1777 })
    .file("data/sub/setuid", "#!", { mode: 0o4755 })
    .symlink("link", "/data")
    .file("afile", "a file")
    .dir("other");
}

async function imageWith(...volumes: readonly string[]): Promise<string> {
  const config = { Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) };
  return await pullBusyboxWith(bed, `declared-${uniqueNumber()}`, compressLayer(content().build()), config);
}

/** Where the container's volumes are on the host. */
const volumesOf = ({ id }: TestContainer) => join(bed.engine.root, "containers", id, "volumes");

const look =
  "stat -c '%n %u %g %a %h %F' /data /data/one /data/two /data/fifo /data/sub /data/sub/setuid; readlink /data/passwd; readlink /data/host; cat /data/one";
const seen = [
  "/data 1000 1001 2775 3 directory",
  "/data/one 1000 1001 640 2 regular file",
  "/data/two 1000 1001 640 2 regular file",
  "/data/fifo 0 0 644 1 fifo",
  "/data/sub 0 0 1777 2 directory",
  "/data/sub/setuid 0 0 4755 1 regular file",
  "/etc/passwd",
  "../../../../../../../../../../../../etc/shadow",
  "one",
].join("\n");

describe("a volume that an image declares", () => {
  test("holds what the image has there, as it is, and is written to in a read-only root (it was EROFS)", async () => {
    const imageReference = await imageWith("/data");
    const container = await bed.runIdle(await bed.runPod(), { imageReference, linux: readonlyRoot });
    expect(await container.sh(look)).toBe(seen);
    expect(await container.sh("echo new > /data/new; echo two > /data/one; cat /data/new /data/two")).toBe("new\ntwo");
    expect(await container.sh("touch /other/x 2>&1 || true")).toContain("Read-only file system");
  });

  onlyCrib("makes it as root of the host")("has the pod's own owners in a user namespace", async () => {
    const imageReference = await imageWith("/data");
    const namespaceOptions = ownUsers();
    const pod = await bed.runPod({ linux: { securityContext: { namespaceOptions } } });
    const linux = { securityContext: { readonlyRootfs: true, namespaceOptions } };
    const container = await bed.runIdle(pod, { imageReference, linux });
    expect(await container.sh(look)).toBe(seen);
    expect(await container.sh("echo new > /data/new; stat -c %u:%g /data/new")).toBe("0:1001");
    const { stdout } = Bun.spawnSync(["stat", "-c", "%u:%g", join(volumesOf(container), "0/one")]);
    expect(stdout.toString().trim()).toBe(`${firstHostId + 1000}:${firstHostId + 1001}`);
  });

  onlyCrib("keeps it elsewhere")("keeps extended attributes and times, and goes with the container", async () => {
    const imageReference = await imageWith("/data");
    const container = await bed.runIdle(await bed.runPod(), { imageReference });
    const volumes = volumesOf(container);
    expect(readXattr(join(volumes, "0/one"), "user.note")?.toString()).toBe("kept");
    expect(await container.sh("stat -c %Y /data")).toBe("1500000000");
    await container.stop();
    await container.remove();
    expect(existsSync(volumes)).toBe(false);
  });

  onlyCrib("cannot make the directory (containerd#11852)")(
    "takes the pod's mounts below it, through a link of the image's and in a user namespace",
    async () => {
      const hostPath = join(bed.engine.directory, "volumes", String(uniqueNumber()));
      mkdirSync(hostPath, { recursive: true, mode: 0o755 });
      writeFileSync(join(hostPath, "token"), "a token");
      const layer = new LayerBuilder().dir("run").dir("run/lock").dir("var").symlink("var/run", "/run");
      const imageReference = await pullBusyboxWith(bed, "declared-run", compressLayer(layer.build()), {
        Volumes: { "/run": {} },
      });
      const namespaceOptions = ownUsers();
      for (const users of [{}, { namespaceOptions }]) {
        const pod = await bed.runPod({ linux: { securityContext: users } });
        const mounts = [{ containerPath: "/var/run/secrets/kubernetes.io/serviceaccount", hostPath, readonly: true }];
        const linux = { securityContext: { readonlyRootfs: true, ...users } };
        const script =
          "cat /var/run/secrets/kubernetes.io/serviceaccount/token; ls -d /run/lock; touch /run/pid && echo written";
        expect(await bed.output(pod, script, { imageReference, mounts, linux })).toBe("a token/run/lock\nwritten");
      }
    },
  );

  test("is each container's own", async () => {
    const imageReference = await imageWith("/data");
    const pod = await bed.runPod();
    const [a, b] = [await bed.runIdle(pod, { imageReference }), await bed.runIdle(pod, { imageReference })];
    await a.sh("echo changed > /data/one; rm /data/two");
    expect(await b.sh("cat /data/one /data/two")).toBe("oneone");
  });

  test("gives way to what the pod mounts there, however the path is written", async () => {
    const hostPath = join(bed.engine.directory, "volumes", String(uniqueNumber()));
    mkdirSync(hostPath, { recursive: true });
    writeFileSync(join(hostPath, "of-the-pod"), "");
    const pod = await bed.runPod();
    const imageReference = await imageWith("/data/");
    for (const containerPath of ["/data", "/data/", "//data", "/other/../data"]) {
      const mounts = [{ containerPath, hostPath }];
      expect(await bed.output(pod, "ls /data", { imageReference, mounts })).toBe("of-the-pod");
    }
    expect(readdirSync(hostPath)).toEqual(["of-the-pod"]);
  });

  test("may lie in another one, behind a link of the image's, be a new place, or the same twice", async () => {
    const imageReference = await imageWith("/data", "/data/sub", "data/", "/new/place");
    const container = await bed.runIdle(await bed.runPod(), { imageReference, linux: readonlyRoot });
    expect(
      await container.sh("touch /data/x /data/sub/y /new/place/z; ls /data /data/sub /new/place | tr '\\n' ' '"),
    ).toBe("/data: fifo host one passwd sub two x  /data/sub: setuid y  /new/place: z");
    const behind = await bed.runIdle(await bed.runPod(), {
      imageReference: await imageWith("/link"),
      linux: readonlyRoot,
    });
    expect(await behind.sh("cat /data/one; echo w > /data/w; cat /link/w")).toBe("onew");
  });

  onlyCrib("fails to make it")("on a file or on the root leaves them what they are", async () => {
    const imageReference = await imageWith("/afile", "/");
    expect(await bed.output(await bed.runPod(), "cat /afile; cat /data/one", { imageReference })).toBe("a fileone");
  });

  onlyCrib("covers them")("on the kernel's own directories leaves them the kernel's", async () => {
    const layer = new LayerBuilder().dir("proc").dir("sys").dir("dev");
    const config = { Volumes: { "/proc": {}, "/sys": {}, "/dev": {} } };
    const imageReference = await pullBusyboxWith(bed, "declared-kernel", compressLayer(layer.build()), config);
    const script = "test -e /proc/self/status && test -e /sys/class && test -c /dev/null && echo theirs";
    expect(await bed.output(await bed.runPod(), script, { imageReference })).toBe("theirs");
  });
});
