import { toImage } from "../convert/image.ts";
import type { CriDeps } from "../deps.ts";
import type { ImageRpc } from "../handler.ts";
import { selectImages } from "../select-images.ts";

export function listImages({ images }: Pick<CriDeps, "images">): ImageRpc<"listImages"> {
  return ({ filter }) => ({ images: selectImages(images, filter).map(toImage) });
}
