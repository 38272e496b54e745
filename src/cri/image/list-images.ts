import type { ImageFilter } from "../../gen/runtime/v1/api_pb.ts";
import type { Image, Images } from "../../images/port.ts";
import { toImage } from "../convert/image.ts";
import type { CriDeps } from "../deps.ts";
import type { ImageRpc } from "../handler.ts";

/** A filter names one image, by tag, digest or id; without one, all of them. */
export function selectImages(images: Images, filter: ImageFilter | undefined): readonly Image[] {
  const reference = filter?.image?.image ?? "";
  if (reference === "") return images.list();
  const image = images.find(reference);
  return image === undefined ? [] : [image];
}

export function listImages({ images }: Pick<CriDeps, "images">): ImageRpc<"listImages"> {
  return ({ filter }) => ({ images: selectImages(images, filter).map(toImage) });
}
