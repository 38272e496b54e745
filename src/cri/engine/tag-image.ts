import type { CriDeps } from "../deps.ts";
import type { EngineRpc } from "../handler.ts";
import { requireImage } from "../validate/image-spec.ts";

/** `crib images tag`. */
export function tagImage({ images }: Pick<CriDeps, "images">): EngineRpc<"tagImage"> {
  return async ({ image, name }) => ({
    name: await images.archives.tag(requireImage({ image }), requireImage({ image: name }, "name")),
  });
}
