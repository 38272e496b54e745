import type { CriDeps } from "../deps.ts";
import type { ImageRpc } from "../handler.ts";
import { requireImage } from "../validate/image-spec.ts";

/** Removes the image with every name it has. Absent is success. */
export function removeImage({ images }: Pick<CriDeps, "images">): ImageRpc<"removeImage"> {
  return async (request) => {
    await images.remove(requireImage(request.image));
    return {};
  };
}
