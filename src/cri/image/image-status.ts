import type { Image, ImageBlob, ImageLayer } from "../../images/port.ts";
import { toImage } from "../convert/image.ts";
import { layersInfo, verboseInfo } from "../convert/info.ts";
import type { CriDeps } from "../deps.ts";
import type { ImageRpc } from "../handler.ts";
import { requireImage } from "../validate/image-spec.ts";

/** An image that is not here is an answer without an image, not an error. */
export function imageStatus({ images }: Pick<CriDeps, "images">): ImageRpc<"imageStatus"> {
  return (request) => {
    const image = images.find(requireImage(request.image));
    if (image === undefined) return {};
    return {
      image: toImage(image),
      info: request.verbose ? verboseInfo(imageInfo(image, images.layers(image.id), images.blobs(image.id))) : {},
    };
  };
}

/**
 * `chainID` (the whole stack's) and `imageSpec` are containerd's names. The latter is the config as it was pushed, checked
 * when it was pulled to be JSON.
 */
function imageInfo(
  image: Image,
  layers: readonly ImageLayer[],
  blobs: readonly ImageBlob[],
): Readonly<Record<string, unknown>> {
  return {
    chainID: layers.at(-1)?.chainId,
    pulledAtNs: image.pulledAtNs,
    pinned: image.pinned,
    imageSpec: JSON.parse(image.rawConfig) as unknown,
    layers: layersInfo(layers),
    blobs,
  };
}
