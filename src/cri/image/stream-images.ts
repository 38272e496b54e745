import { StreamImagesResponseSchema } from "../../gen/runtime/v1/api_pb.ts";
import { batches } from "../convert/batches.ts";
import { encodedList } from "../convert/encoded.ts";
import { encodedImage } from "../convert/image.ts";
import type { CriDeps } from "../deps.ts";
import type { ImageRpc } from "../handler.ts";
import { selectImages } from "./list-images.ts";

/** ListImages without a limit on the reply's size (KEP-5825). */
export function streamImages({ images }: Pick<CriDeps, "images">): ImageRpc<"streamImages"> {
  return async function* ({ filter }) {
    for (const batch of batches(selectImages(images, filter).values().map(encodedImage)))
      yield encodedList(StreamImagesResponseSchema, StreamImagesResponseSchema.field.images, batch);
  };
}
