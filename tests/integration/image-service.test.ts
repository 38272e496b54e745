import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { buildImage, compressLayer } from "../fixtures/image-builder.ts";
import { LayerBuilder } from "../fixtures/layer-builder.ts";
import { codeOf, outcomeOf } from "../harness/error-code.ts";
import { onlyCrib } from "../harness/only-crib.ts";
import { uniqueNumber } from "../harness/pod-config.ts";
import { useTestBed } from "../harness/use-test-bed.ts";
import { waitUntil } from "../harness/wait-until.ts";

const bed = useTestBed();

/** A new image of one small layer, pushed under two tags. */
async function pushed() {
  const name = `image-service/${uniqueNumber()}`;
  const layer = compressLayer(new LayerBuilder().file("name", name).build());
  const image = buildImage([layer], { User: "1000:2000", Labels: { name } });
  const one = await bed.registry.push(name, "one", image);
  const two = await bed.registry.push(name, "two", image);
  return { image, one, two, byDigest: `${bed.registry.host}/${name}@${image.manifest.digest}` };
}

/** What the catalogue's busybox is called: its repository, its registry's digest and its id. */
function busyboxNames() {
  const { imageId, manifest } = bed.registry.image("busybox");
  const name = `${bed.registry.host}/test/busybox`;
  return { name, imageId, repoDigest: `${name}@${manifest.digest}` };
}

const pull = (image: string) => bed.cri.images.pullImage({ image: { image } });
const status = async (image: string) => (await bed.cri.images.imageStatus({ image: { image } })).image;
const remove = (image: string) => bed.cri.images.removeImage({ image: { image } });

describe("images", () => {
  test("are named by the digest of their configuration, everywhere", async () => {
    const { image, one, byDigest } = await pushed();
    const { imageRef } = await pull(one);
    expect(imageRef).toBe(image.imageId);
    for (const reference of [one, image.imageId, image.imageId.slice("sha256:".length)]) {
      expect((await status(reference))?.id).toBe(image.imageId);
    }
    const { images } = await bed.cri.images.listImages({});
    const listed = images.find((entry) => entry.id === image.imageId);
    expect(listed?.repoTags).toEqual([one]);
    expect(listed?.repoDigests).toEqual([byDigest]);
    expect(listed?.size).toBeGreaterThan(0n);
    await remove(one);
  });

  test("tell their user", async () => {
    const { one } = await pushed();
    await pull(one);
    expect((await status(one))?.uid?.value).toBe(1000n);
    await remove(one);
  });

  test("pulled by tag and by digest are one image with both references", async () => {
    const { image, one, two, byDigest } = await pushed();
    const ids = await Promise.all([one, two, byDigest].map(async (reference) => (await pull(reference)).imageRef));
    expect(new Set(ids)).toEqual(new Set([image.imageId]));
    const found = await status(image.imageId);
    expect(found?.repoTags.toSorted()).toEqual([one, two].toSorted());
    expect(found?.repoDigests).toEqual([byDigest]);
    await remove(image.imageId);
  });

  test("the id in containers is the same", async () => {
    const container = await bed.runIdle(await bed.runPod());
    const id = bed.registry.image("busybox").imageId;
    const { containers } = await bed.cri.runtime.listContainers({ filter: { id: container.id } });
    expect(containers[0]?.imageRef).toBe(id);
  });

  test("a container's status tells the registry's digest, and the id beside it (it told the id twice)", async () => {
    const { imageId, repoDigest } = busyboxNames();
    for (const imageReference of [bed.registry.reference("busybox"), imageId, repoDigest]) {
      const pod = await bed.runPod();
      const container = await bed.runIdle(pod, { imageReference });
      const found = await container.status();
      expect(found.imageRef).toBe(repoDigest);
      // Debian's 1.6 knows neither the field nor containers in a pod's status.
      if (bed.kind === "containerd") continue;
      expect(found.imageId).toBe(imageId);
      const { containersStatuses } = await bed.cri.runtime.podSandboxStatus({ podSandboxId: pod.id });
      expect(containersStatuses.map(({ imageRef }) => imageRef)).toEqual([found.imageRef]);
    }
  });

  test("a container that was made by id tells the image's tag", async () => {
    const container = await bed.runIdle(await bed.runPod(), { imageReference: bed.registry.image("busybox").imageId });
    expect((await container.status()).image?.image).toBe(bed.registry.reference("busybox"));
  });

  onlyCrib("forgets the digest")("the digest stays when the image is removed under its container", async () => {
    const container = await bed.runIdle(await bed.runPod());
    await bed.cri.images.removeImage({ image: { image: bed.registry.reference("busybox") } });
    await bed.engine.restart();
    const { imageRef } = await container.status();
    await bed.pull("busybox");
    expect(imageRef).toBe(busyboxNames().repoDigest);
  });

  test("can be used by id", async () => {
    const pod = await bed.runPod();
    expect(await bed.output(pod, "echo by id", { imageReference: bed.registry.image("busybox").imageId })).toBe(
      "by id",
    );
  });

  test("removed by one tag are removed with all their references, and again is no error", async () => {
    const { image, one, two } = await pushed();
    await pull(one);
    await pull(two);
    await remove(one);
    for (const reference of [one, two, image.imageId]) expect(await status(reference)).toBeUndefined();
    await remove(one);
    await remove(image.imageId);
  });

  test("that a tag moved away from keep their digest", async () => {
    const { image, one, byDigest } = await pushed();
    await pull(one);
    const name = one.slice(bed.registry.host.length + 1, one.lastIndexOf(":"));
    const newer = buildImage([compressLayer(new LayerBuilder().file("newer", name).build())], {});
    await bed.registry.push(name, "one", newer);
    expect((await pull(one)).imageRef).toBe(newer.imageId);
    expect((await status(one))?.id).toBe(newer.imageId);
    const old = await status(image.imageId);
    expect(old?.repoTags).toEqual([]);
    expect(old?.repoDigests).toEqual([byDigest]);
    await remove(image.imageId);
    await remove(newer.imageId);
  });

  test("that are not there: status is empty, pull is NotFound and names it", async () => {
    const reference = `${bed.registry.host}/none/such:1`;
    expect(await status(reference)).toBeUndefined();
    const outcome = await outcomeOf(pull(reference));
    expect(outcome.code).toBe("NotFound");
    expect(outcome.message).toContain("none/such");
  });

  test("two pulls at once of one image both succeed", async () => {
    const { image, one } = await pushed();
    const answers = await Promise.all([pull(one), pull(one), pull(one)]);
    expect(answers.map((answer) => answer.imageRef)).toEqual(Array(3).fill(image.imageId));
    await remove(one);
  });

  test("are listed by filter", async () => {
    const { image, one } = await pushed();
    await pull(one);
    const { images } = await bed.cri.images.listImages({ filter: { image: { image: one } } });
    expect(images.some((entry) => entry.id === image.imageId)).toBe(true);
    await remove(one);
  });

  test("removed under a running container go on serving it, and are gone for others", async () => {
    await bed.pull("volume");
    const pod = await bed.runPod();
    const container = await bed.runIdle(pod, { image: "volume" });
    await remove(bed.registry.reference("volume"));
    expect(await container.sh("ls -d /home/alice")).toBe("/home/alice");
    expect(await codeOf(bed.create(pod, { image: "volume" }))).toBe("NotFound");
  });

  test("verbose status tells the configuration", async () => {
    const image = { image: bed.registry.reference("busybox") };
    const { info } = await bed.cri.images.imageStatus({ image, verbose: true });
    expect(JSON.stringify(JSON.parse(info.info ?? "{}"))).toContain("/bin/sh");
  });

  onlyCrib("it tells the topmost snapshot alone")(
    "verbose status tells every layer and where it lies, of the image and of a container on it",
    async () => {
      await bed.pull("volume");
      const container = await bed.runIdle(await bed.runPod(), { image: "volume" });
      await container.sh("echo written > /in-the-writable-layer");
      const image = { image: bed.registry.reference("volume") };
      const ofImage = await bed.cri.images.imageStatus({ image, verbose: true });
      const { chainID, imageSpec, layers } = JSON.parse(ofImage.info["info"] ?? "{}");
      expect(layers.map(({ diffID }: { diffID: string }) => diffID)).toEqual(imageSpec.rootfs.diff_ids);
      expect(chainID).toBe(layers.at(-1).chainID);

      const ofContainer = await bed.cri.runtime.containerStatus({ containerId: container.id, verbose: true });
      const { rootfs } = JSON.parse(ofContainer.info["info"] ?? "{}");
      expect(rootfs.layers).toEqual(layers);
      expect(readFileSync(`${rootfs.writableLayer}/in-the-writable-layer`, "utf8")).toBe("written\n");
      expect(readdirSync(layers[0].directory)).toContain("bin");
      // The layers outlive the image's name for as long as the container has them, and so does what is told of them.
      await remove(bed.registry.reference("volume"));
      const after = await bed.cri.runtime.containerStatus({ containerId: container.id, verbose: true });
      expect(JSON.parse(after.info["info"] ?? "{}").rootfs.layers).toEqual(layers);
    },
  );

  test("take space that ImageFsInfo tells, on a directory that is there", async () => {
    const usage = async () => {
      const { imageFilesystems } = await bed.cri.images.imageFsInfo({});
      const [first] = imageFilesystems;
      if (first === undefined) throw new Error("no image file system");
      return first;
    };
    const layer = compressLayer(new LayerBuilder().file("big", new Uint8Array(8 << 20).fill(1)).build());
    const reference = await bed.registry.push(`image-service/${uniqueNumber()}`, "big", buildImage([layer], {}));
    await pull(reference);
    // Engines may count on a schedule.
    const withImage = await waitUntil(
      async () => {
        const seen = await usage();
        return (seen.usedBytes?.value ?? 0n) >= 8n << 20n && seen;
      },
      { what: "8 MiB are used", boundMs: 25_000 },
    );
    expect(existsSync(withImage.fsId?.mountpoint ?? "")).toBe(true);
    await remove(reference);
    const most = (withImage.usedBytes?.value ?? 0n) - (8n << 20n);
    await waitUntil(async () => ((await usage()).usedBytes?.value ?? 0n) <= most, {
      what: "8 MiB less are used",
      boundMs: 25_000,
    });
  });
});
