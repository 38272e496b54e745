import { parseDigest } from "../../ids/digest.ts";
import type { CriDeps } from "../deps.ts";
import type { ImageRpc } from "../handler.ts";

/** Forgets a profile. Absent is success; what runs under it keeps it. */
export function removeSecurityProfile({ images }: Pick<CriDeps, "images">): ImageRpc<"removeSecurityProfile"> {
  return async (request) => {
    await images.profiles.remove(parseDigest(request.digest));
    return {};
  };
}
