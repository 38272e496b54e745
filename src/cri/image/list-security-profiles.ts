import type { CriDeps } from "../deps.ts";
import type { ImageRpc } from "../handler.ts";

/** Every profile that was pulled and not removed. */
export function listSecurityProfiles({ images }: Pick<CriDeps, "images">): ImageRpc<"listSecurityProfiles"> {
  return () => ({
    profiles: images.profiles
      .list()
      .map(({ digest, refs, sizeBytes }) => ({ digest, refs: [...refs], size: sizeBytes })),
  });
}
