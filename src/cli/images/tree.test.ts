import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { cli } from "../../../tests/fixtures/cli-io.ts";
import { startTestServer } from "../../../tests/fixtures/cri-server.ts";
import { ImageSchema } from "../../gen/runtime/v1/api_pb.ts";
import { stepsOf } from "../history/history.ts";
import { imageTrees } from "./tree.ts";

const layer = (chainID: string, diskBytes: number) => ({ chainID, diffID: chainID, diskBytes, inodes: 1 });
const image = (id: string) => create(ImageSchema, { id, repoTags: [`reg.example/${id}:1`] });

test("a layer counts as an image's own when no other has it", () => {
  const trees = imageTrees([
    { image: image("a"), layers: [layer("base", 100), layer("a1", 10), layer("a1", 10)] },
    { image: image("b"), layers: [layer("base", 100)] },
  ]);
  expect(trees).toMatchObject([
    { name: "reg.example/a:1", diskBytes: 120, ownBytes: 20, layers: [{ images: 2 }, { images: 1 }, { images: 1 }] },
    { name: "reg.example/b:1", diskBytes: 100, ownBytes: 0 },
  ]);
});

test("steps that made no layer take none, and layers without a step are shown all the same", () => {
  const history = [{ created_by: "ADD" }, { created_by: "ENV", empty_layer: true }, { created_by: "RUN" }];
  const layers = [layer("one", 1), layer("two", 2), layer("three", 3)];
  expect(stepsOf({ history, layers }).map(({ layer: made }) => made?.chainID)).toEqual([
    "one",
    undefined,
    "two",
    "three",
  ]);
});

test("the verbs ask the daemon, and say what is not there", async () => {
  await using server = await startTestServer();
  const tree = await cli(["images", "tree"], { address: server.path });
  expect(tree.out).toContain("docker.io/library/busybox:1.36  10 B, 10 B of it its own\n└─ 4e4e4e4e4e4e  10 B\n");
  expect(tree.out).toEndWith("1 images, 1 layers, 10 B on the disk\n");
  expect((await cli(["images", "--json"], { address: server.path })).out).toStartWith("[{");
  const history = await cli(["history", "busybox:1.36"], { address: server.path });
  expect(history.out).toContain("4e4e4e4e4e4e");
  expect(await cli(["history", "none"], { address: server.path })).toMatchObject({ exitCode: 1 });
});
