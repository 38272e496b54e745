import { invalidArgument } from "../../errors/crib-error.ts";
import type { ImportImagesRequest } from "../../gen/crib/v1/engine_pb.ts";
import type { CriDeps } from "../deps.ts";
import type { EngineRpc } from "../handler.ts";
import { requireImage } from "../validate/image-spec.ts";

/** `crib images import`: no path of the client's is ever opened here, its bytes come. */
export function importImages({ images }: Pick<CriDeps, "images">): EngineRpc<"importImages"> {
  return async (requests, context) => {
    const pieces = requests[Symbol.asyncIterator]();
    const { value: first, done } = await pieces.next();
    if (done === true) throw invalidArgument("the request has no archive in it");
    const name = first.name === "" ? undefined : requireImage({ image: first.name }, "name");
    const imported = await images.archives.import(bytesOf(first, pieces), name, context.signal);
    return {
      images: imported.map((image) => ({
        names: [...image.names],
        digest: image.digest,
        ...(image.outcome === "imported" ? { imageId: image.imageId } : { skipped: image.why }),
      })),
    };
  };
}

/** `crib images export`. A client that leaves, or does not read, stops the reading here. */
export function exportImages({ images }: Pick<CriDeps, "images">): EngineRpc<"exportImages"> {
  return async function* ({ images: words, rebuild }, context) {
    if (words.length === 0) throw invalidArgument("the request names no image");
    for (const word of words) requireImage({ image: word }, "images");
    for await (const data of images.archives.export({ images: words, rebuild }, context.signal))
      yield { data: data as Uint8Array<ArrayBuffer> };
  };
}

async function* bytesOf(
  first: ImportImagesRequest,
  rest: AsyncIterator<ImportImagesRequest>,
): AsyncGenerator<Uint8Array> {
  if (first.data.length > 0) yield first.data;
  for (;;) {
    const { value, done } = await rest.next();
    if (done === true) return;
    if (value.data.length > 0) yield value.data;
  }
}
