import { create } from "@bufbuild/protobuf";
import type { ImageSpec } from "../../gen/runtime/v1/api_pb.ts";
import { ImageSpecSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { RequestedImage } from "../../spec/requested-image.ts";

export function toRequestedImage(message: ImageSpec): RequestedImage {
  const { image, annotations, userSpecifiedImage, runtimeHandler, imageRef } = message;
  return { image, annotations: { ...annotations }, userSpecifiedImage, runtimeHandler, imageRef };
}

export function fromRequestedImage(image: RequestedImage): ImageSpec {
  return create(ImageSpecSchema, { ...image, annotations: { ...image.annotations } });
}
