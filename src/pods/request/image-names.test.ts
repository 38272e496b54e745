import { expect, test } from "bun:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { fakeImage } from "../../../tests/fixtures/fake-images.ts";
import { requestedImage } from "../../../tests/fixtures/specs.ts";
import type { ImageSpecSchema } from "../../gen/runtime/v1/api_pb.ts";
import { imageNames } from "./image-names.ts";

const [a, b, c] = ["a", "b", "c"].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string, string];
const tags = ["docker.io/library/busybox:1.36", "mirror.example/copy:1"];
const digests = [`docker.io/library/busybox@${a}`, `docker.io/library/busybox@${b}`, `mirror.example/copy@${c}`];

const names = (
  spec: Partial<MessageInitShape<typeof ImageSpecSchema>> | undefined,
  repoTags = tags,
  repoDigests = digests,
) => {
  const image = { ...fakeImage, repoTags, repoDigests };
  const { reference, repoDigest } = imageNames(image, spec && requestedImage(spec as object));
  return [reference, repoDigest];
};
const { id } = fakeImage;

test.each([
  ["by its name", { image: "busybox:1.36" }, ["busybox:1.36", digests[0]]],
  [
    "by id, with what the author wrote",
    { image: id, userSpecifiedImage: "busybox:1.36" },
    ["busybox:1.36", digests[0]],
  ],
  ["by id alone", { image: id }, [tags[0], digests[0]]],
  ["by id without its kind", { image: id.slice(7) }, [tags[0], digests[0]]],
  ["by a prefix of its id", { image: id.slice(7, 19) }, [tags[0], digests[0]]],
  [
    "in another registry",
    { image: id, userSpecifiedImage: "mirror.example/copy" },
    ["mirror.example/copy", digests[2]],
  ],
  ["by digest", { image: `busybox@${b}` }, [`busybox@${b}`, digests[1]]],
  ["by tag and digest", { image: id, userSpecifiedImage: `busybox:1@${b}` }, [`busybox:1@${b}`, digests[1]]],
  ["by a name it has no more", { image: id, userSpecifiedImage: "quay.io/gone:2" }, ["quay.io/gone:2", digests[0]]],
  ["not at all", undefined, [tags[0], digests[0]]],
])("an image asked for %s", (_how, spec, expected) => {
  expect(names(spec)).toEqual(expected as string[]);
});

test("an image that was pulled by digest alone has that for a name", () => {
  expect(names({ image: id }, [], [digests[1] as string])).toEqual([digests[1], digests[1]]);
});

test("an image that no registry gave has no digest, and one without names is called by its id", () => {
  expect(names({ image: "crib.local/hello" }, ["crib.local/hello:latest"], [])).toEqual([
    "crib.local/hello",
    undefined,
  ]);
  expect(names({ image: id }, [], [])).toEqual([id, undefined]);
});
