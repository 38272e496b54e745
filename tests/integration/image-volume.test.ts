import { beforeAll, describe, expect } from "bun:test";
import { readFileSync } from "node:fs";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ImageSpecSchema, type MountSchema } from "../../src/gen/runtime/v1/api_pb.ts";
import { buildImage, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { pushImage } from "../fixtures/push-image.ts";
import { outcomeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { ownUsers } from "../harness/user-namespace.ts";

const bed = useTestBed({ images: ["busybox", "whiteout"] });
const test = onlyCrib("image volumes came with 2.1");

/** Two layers; links that stay inside when they are followed in the image's root, whatever they look like. */
const below = new LayerBuilder().dir("data").file("data/model", "lower").file("data/gone", "x").dir("data/sub");
const above = new LayerBuilder()
  .file("data/model", "upper")
  .whiteout("data/gone")
  .file("data/sub/name", "sub")
  .file("data/run", "#!/bin/sh\necho ran\n", { mode: 0o755 })
  .symlink("way-out", "/../../../../etc")
  .symlink("to-data", "/data");
let reference = "";
let imageId = "";

beforeAll(async () => {
  const image = buildImage([compressLayer(below.build()), compressLayer(above.build())], {});
  await pushImage(bed.registry.host, "model", "1", image);
  reference = `${bed.registry.host}/model:1`;
  imageId = (await bed.cri.images.pullImage({ image: { image: reference } })).imageRef;
});

type MountInit = MessageInitShape<typeof MountSchema>;
function volume(imageSubPath = "", more: Omit<MountInit, "$typeName"> = {}): MountInit {
  const image = create(ImageSpecSchema, { image: reference });
  return { containerPath: "/v", readonly: true, image, imageSubPath, ...more };
}

async function output(script: string, mount: MountInit, more: object = {}): Promise<string> {
  return await bed.output(await bed.runPod(), script, { mounts: [mount], ...more });
}

describe("an image volume", () => {
  test("shows the union of the image's layers, read-only, and may be executed", async () => {
    const script = "cat /v/data/model; echo; ls /v/data; /v/data/run; touch /v/x 2>&1; true";
    const text = await output(script, volume());
    expect(text.split("\n").slice(0, 5)).toEqual(["upper", "model", "run", "sub", "ran"]);
    expect(text).toContain("Read-only file system");
  });

  test("takes mount options", async () => {
    const text = await output("/v/data/run 2>&1; grep ' /v ' /proc/mounts", volume("", { mountOptions: ["noexec"] }));
    expect(text).toContain("Permission denied");
    expect(text).toMatch(/ \/v overlay ro,nosuid,nodev,noexec/);
  });

  const parts: Readonly<Record<string, [string, string, string]>> = {
    "a directory": ["data/sub", "cat /v/name", "sub"],
    "a file": ["data/model", "cat /v", "upper"],
    "what a link of the image names": ["to-data/sub", "cat /v/name", "sub"],
  };
  for (const [name, [path, script, expected]] of Object.entries(parts)) {
    test(`shows ${name} of the image as image_sub_path`, async () => {
      expect(await output(script, volume(path))).toBe(expected);
    });
  }

  const refused: Readonly<Record<string, [() => MountInit, string, string]>> = {
    "a sub path that leaves the image": [() => volume("../etc"), "InvalidArgument", ".."],
    "an absolute sub path": [() => volume("/etc"), "InvalidArgument", "relative"],
    "a link to the host's files": [() => volume("way-out/passwd"), "NotFound", "ImageVolumeMountFailed"],
    "a sub path that is not there": [() => volume("no/such"), "NotFound", "ImageVolumeMountFailed"],
    "a writable volume": [() => volume("", { readonly: false }), "InvalidArgument", "readonly"],
    propagation: [() => volume("", { propagation: 1 }), "InvalidArgument", "propagation"],
    "an image that was not pulled": [
      () => volume("", { image: create(ImageSpecSchema, { image: "localhost:1/not/pulled:1" }) }),
      "NotFound",
      "ImageVolumeMountFailed",
    ],
    "an image and a host path": [() => volume("", { hostPath: "/srv" }), "InvalidArgument", "exclude"],
    "the container's procfs": [() => volume("", { containerPath: "/proc/self" }), "InvalidArgument", "procfs"],
  };
  for (const [name, [mount, code, message]] of Object.entries(refused)) {
    test(`V47 refuses ${name}`, async () => {
      const outcome = await outcomeOf(bed.create(await bed.runPod(), { mounts: [mount()] }));
      expect(outcome.code).toBe(code);
      expect(outcome.message).toContain(message);
    });
  }

  test("is in the status with the image's id", async () => {
    const container = await bed.create(await bed.runPod(), { mounts: [volume()] });
    const [mount] = (await container.status()).mounts;
    expect(mount?.image).toMatchObject({ image: reference, imageRef: imageId });
  });

  test("leaves no mount on the host", async () => {
    const before = readFileSync("/proc/self/mounts", "utf8").split("\n").length;
    const container = await bed.runIdle(await bed.runPod(), { mounts: [volume("data")] });
    expect(await container.sh("cat /v/model")).toBe("upper");
    const after = readFileSync("/proc/self/mounts", "utf8").split("\n");
    // The pod's shm, its files for /etc, and its network namespace.
    expect(after.length).toBeLessThanOrEqual(before + 3);
    expect(after.some((line) => line.includes(container.id))).toBe(false);
  });

  test("keeps its image's files through removal, pruning and a restart, until the container is removed", async () => {
    const pod = await bed.runPod();
    const container = await bed.create(pod, { mounts: [volume("data")], command: ["/bin/pause"] });
    await bed.cri.images.removeImage({ image: { image: reference } });
    await bed.engine.kill9();
    await bed.engine.start();
    await container.start();
    expect(await container.sh("cat /v/model")).toBe("upper");
    await container.stop();
    await container.remove();
    await bed.cri.images.pullImage({ image: { image: reference } });
  });

  test("belongs to the pod's ids in a user namespace", async () => {
    const namespaceOptions = ownUsers();
    const linux = { securityContext: { namespaceOptions } };
    const pod = await bed.runPod({ linux });
    const mounts = [volume(), volume("data/sub", { containerPath: "/s" })];
    const text = await bed.output(pod, "stat -c %u:%g /v/data/model /s/name; cat /s/name", { mounts, linux });
    expect(text).toBe("0:0\n0:0\nsub");
  });

  test("of an image with one layer is that layer", async () => {
    const image = create(ImageSpecSchema, { image: bed.registry.reference("busybox") });
    const mounts = [volume("", { image }), volume("etc", { image, containerPath: "/e" })];
    expect(await bed.output(await bed.runPod(), "head -1 /v/etc/passwd; head -1 /e/group", { mounts })).toBe(
      "root:x:0:0:root:/root:/bin/sh\nroot:x:0:",
    );
  });
});
