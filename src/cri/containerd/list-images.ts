import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { notFound } from "../../errors/crib-error.ts";
import { type Image, ImageSchema, type Images } from "../../gen/containerd/services/images/v1/images_pb.ts";
import { DescriptorSchema } from "../../gen/containerd/types/descriptor_pb.ts";
import type { Image as CribImage } from "../../images/port.ts";
import type { CriDeps } from "../deps.ts";
import { type FieldOf, parseFilters } from "./filter.ts";
import { isKubernetesNamespace, requireNamespace } from "./namespace.ts";

type Deps = Pick<CriDeps, "images">;

/** `ctr images ls`: an image for each name, tag, digest or id, as containerd keeps those of the kubelet. */
export function listImages({ images }: Deps): ServiceImpl<typeof Images>["list"] {
  return ({ filters }, context) => {
    const matches = parseFilters(filters, fieldOf);
    const all = isKubernetesNamespace(context) ? images.list().flatMap(namedImages) : [];
    return { images: all.filter(matches).toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
  };
}

export function getImage({ images }: Deps): ServiceImpl<typeof Images>["get"] {
  return ({ name }, context) => {
    requireNamespace(context);
    const image = images
      .list()
      .flatMap(namedImages)
      .find((each) => each.name === name);
    if (image === undefined) throw notFound("image", name.slice(0, 200));
    return { image };
  };
}

function namedImages(image: CribImage): readonly Image[] {
  return [...image.repoTags, ...image.repoDigests, image.id].map((name) => {
    const pulled = timestampFromMs(Number(image.pulledAtNs / 1_000_000n));
    return create(ImageSchema, {
      name,
      labels: {
        "io.cri-containerd.image": "managed",
        ...(image.pinned ? { "io.cri-containerd.pinned": "pinned" } : {}),
      },
      // What it is called by its registry; how large that is, and of which kind, only the registry's answer said.
      target: create(DescriptorSchema, { digest: digestFor(name, image) }),
      createdAt: pulled,
      updatedAt: pulled,
    });
  });
}

/** Of the manifest or index that was pulled by that name; "" for an image that never came from a registry. */
function digestFor(name: string, { repoDigests }: CribImage): string {
  const repository = name.split("@", 1)[0]?.replace(/:[^:/]*$/, "");
  const own =
    repoDigests.find((each) => each === name) ?? repoDigests.find((each) => each.startsWith(`${repository}@`));
  return (own ?? repoDigests[0] ?? "").split("@")[1] ?? "";
}

const fieldOf: FieldOf<Image> = ({ name, labels, target }, path) => {
  const [first = "", ...rest] = path;
  if (first === "name") return name;
  if (first === "labels") return labels[rest.join(".")];
  if (first === "target" && rest[0] === "digest") return target?.digest;
  return undefined;
};
