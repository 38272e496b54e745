import { invalidArgument } from "../../errors/crib-error.ts";
import { type ImageReference, parseReference } from "../registry/reference.ts";
import { builtinDomain } from "../store/builtin-image.ts";

/** @throws {CribError} invalid-argument for what names no image that can be had. */
export function nameOf(text: string): ImageReference {
  const reference = parseReference(text);
  if (reference.digest !== undefined)
    throw invalidArgument(`an image cannot be called ${JSON.stringify(text)}: its digest is what it is; give a tag`);
  if (reference.domain === builtinDomain)
    throw invalidArgument(`an image cannot be called ${JSON.stringify(text)}: ${builtinDomain} is crib's own`);
  return reference;
}
