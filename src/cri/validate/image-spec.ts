import { invalidArgument } from "../../errors/crib-error.ts";
import type { ImageSpec } from "../../gen/runtime/v1/api_pb.ts";

/** The reference or id an image RPC is about; its grammar is the image service's to parse. */
export function requireImage(spec: Pick<ImageSpec, "image"> | undefined, field = "image"): string {
  if (spec === undefined || spec.image === "") throw invalidArgument(`${field}.image is required`);
  if (/[\s\p{Cc}]/u.test(spec.image))
    throw invalidArgument(
      `${field}.image ${JSON.stringify(spec.image.slice(0, 200))} contains blanks or control characters`,
    );
  return spec.image;
}
