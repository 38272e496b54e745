import { create } from "@bufbuild/protobuf";
import type { Image as ImageMessage } from "../../gen/runtime/v1/api_pb.ts";
import { ImageSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { Image } from "../../images/port.ts";
import { encodeElement } from "./encoded.ts";
import { parseImageUser } from "./image-user.ts";
import { perRecord } from "./per-record.ts";

export const toImage = perRecord((image: Image): ImageMessage => {
  const user = parseImageUser(image.config.user);
  return create(ImageSchema, {
    id: image.id,
    repoTags: [...image.repoTags],
    repoDigests: [...image.repoDigests],
    size: image.sizeBytes,
    ...(user.kind === "uid" ? { uid: { value: user.uid } } : {}),
    username: user.kind === "name" ? user.name : "",
    pinned: image.pinned,
  });
});

/** For streamed lists: encoded once for each version of an image. */
export const encodedImage = perRecord((image: Image) => encodeElement(ImageSchema, toImage(image)));
