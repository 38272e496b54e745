import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Code } from "@connectrpc/connect";
import { startTestServer, type TestServer } from "../../../tests/fixtures/cri-server.ts";
import { fakeImage } from "../../../tests/fixtures/fake-images.ts";
import { fakeContainer, fakeImageId, fakeSandbox } from "../../../tests/fixtures/fake-records.ts";
import { collect, failure } from "../../../tests/fixtures/rpc-outcomes.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe("images", () => {
  test("PullImage answers the image's id and passes credentials only when there are some", async () => {
    const reply = await server.image.pullImage({
      image: { image: "busybox:1.36" },
      auth: { username: "u", password: "p" },
    });
    expect(reply.imageRef).toBe(fakeImageId);
    expect(server.images.asked.at(-1)).toMatchObject({
      reference: "busybox:1.36",
      credentials: { username: "u", password: "p" },
    });
    await server.image.pullImage({ image: { image: "busybox:1.36" }, auth: {} });
    expect(server.images.asked.at(-1)?.credentials).toBeUndefined();
    expect((await failure(server.image.pullImage({ image: { image: "nope" } }))).code).toBe(Code.NotFound);
  });

  test("ImageStatus of an absent image is an answer without one", async () => {
    expect((await server.image.imageStatus({ image: { image: "nope" } })).image).toBeUndefined();
    const { image, info } = await server.image.imageStatus({ image: { image: "busybox:1.36" }, verbose: true });
    expect(image).toMatchObject({ id: fakeImageId, size: fakeImage.sizeBytes, username: "" });
    expect(image?.uid?.value).toBe(1000n);
    expect(JSON.parse(info["info"] ?? "").imageSpec.os).toBe("linux");
  });

  test("ListImages honours its filter", async () => {
    expect((await server.image.listImages({})).images).toHaveLength(1);
    expect((await server.image.listImages({ filter: { image: { image: "busybox:1.36" } } })).images).toHaveLength(1);
    expect((await server.image.listImages({ filter: { image: { image: "other" } } })).images).toHaveLength(0);
    expect((await collect(server.image.streamImages({}))).flatMap(({ images }) => images)).toHaveLength(1);
  });

  test("RemoveImage and ImageFsInfo", async () => {
    await server.image.removeImage({ image: { image: "busybox:1.36" } });
    expect(server.images.removed).toEqual(["busybox:1.36"]);
    const reply = await server.image.imageFsInfo({});
    expect(reply.imageFilesystems[0]?.usedBytes?.value).toBe(1n << 40n);
    expect(reply.containerFilesystems[0]?.fsId?.mountpoint).toBe("/var/lib/crib");
  });

  test("Engine lists what failed pulls left, and frees it", async () => {
    const { leftovers } = await server.engine.listLeftovers({});
    expect(leftovers.map(({ kind, bytes }) => [kind, bytes])).toEqual([
      ["partial-blob", 1_000_000n],
      ["layer", 2_000_000n],
    ]);
    expect((await server.engine.removeLeftovers({})).removed).toHaveLength(2);
    expect((await server.engine.listLeftovers({})).leftovers).toEqual([]);
  });

  test("Engine.Pull tells the way and ends with the id", async () => {
    const updates = (await collect(server.engine.pull({ reference: "busybox:1.36" }))).map(({ update }) => update);
    expect(updates[0]?.case).toBe("resolved");
    expect(updates.at(-1)).toMatchObject({ case: "done", value: { imageId: fakeImageId } });
    // A thousand updates made at once reach a reader as few: only the latest of a layer counts.
    expect(updates.length).toBeLessThan(10);
    expect((await failure(collect(server.engine.pull({ reference: "nope" })))).code).toBe(Code.NotFound);
    expect((await failure(collect(server.engine.pull({})))).code).toBe(Code.InvalidArgument);
  });

  test("Engine.Info tells who answers", async () => {
    expect(await server.engine.info({})).toMatchObject({
      version: "1.2.3",
      root: "/var/lib/crib",
      cgroupMode: "v2",
      pid: 77n,
    });
  });
});

describe("stats and metrics", () => {
  test("numbers arrive whole, in the API's units, and only those measured", async () => {
    await using own = await startTestServer();
    const sandbox = fakeSandbox();
    const running = fakeContainer(sandbox);
    const exited = fakeContainer(sandbox, { state: "exited" });
    own.pods.sandboxRecords.push(sandbox);
    own.pods.containerRecords.push(running, exited);

    const { stats } = await own.runtime.containerStats({ containerId: running.id });
    expect(stats?.cpu).toMatchObject({
      usageCoreNanoSeconds: { value: 1_500_000_000n },
      usageNanoCores: { value: 250_000_000n },
    });
    expect(stats?.cpu?.psi?.Some).toMatchObject({ Total: 1_000_000n, Avg10: 0.5 });
    expect(stats?.memory).toMatchObject({
      workingSetBytes: { value: 1n << 32n },
      availableBytes: { value: (1n << 34n) - (1n << 32n) },
    });
    expect(stats?.memory?.psi).toBeUndefined();
    expect(stats?.io).toBeUndefined();
    expect(stats?.swap).toMatchObject({ swapUsageBytes: { value: 5n }, swapAvailableBytes: { value: 10n } });
    expect(stats?.writableLayer).toMatchObject({ usedBytes: { value: 4096n }, inodesUsed: { value: 3n } });

    expect((await own.runtime.listContainerStats({})).stats.map(({ attributes }) => attributes?.id)).toEqual([
      running.id,
    ]);
    expect((await collect(own.runtime.streamContainerStats({}))).flatMap((m) => m.containerStats)).toHaveLength(1);

    const pod = (await own.runtime.podSandboxStats({ podSandboxId: sandbox.id })).stats;
    expect(pod?.linux?.network?.defaultInterface).toMatchObject({
      name: "eth0",
      rxBytes: { value: 100n },
      txErrors: { value: 106n },
    });
    expect(pod?.linux?.process?.processCount?.value).toBe(4n);
    expect((await own.runtime.listPodSandboxStats({})).stats).toHaveLength(1);
    expect((await collect(own.runtime.streamPodSandboxStats({}))).flatMap((m) => m.podSandboxStats)).toHaveLength(1);

    const { descriptors } = await own.runtime.listMetricDescriptors({});
    const { podMetrics } = await own.runtime.listPodSandboxMetrics({});
    const labels = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys.length]));
    const sent = podMetrics.flatMap((m) => [...m.metrics, ...m.containerMetrics.flatMap(({ metrics }) => metrics)]);
    expect(sent.length).toBeGreaterThan(10);
    for (const metric of sent)
      expect([metric.name, metric.labelValues.length]).toEqual([metric.name, labels.get(metric.name) ?? -1]);
    expect((await collect(own.runtime.streamPodSandboxMetrics({}))).flatMap((m) => m.podSandboxMetrics)).toHaveLength(
      1,
    );
  });
});
