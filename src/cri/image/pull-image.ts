import type { AuthConfig } from "../../gen/runtime/v1/api_pb.ts";
import type { RegistryCredentials } from "../../images/port.ts";
import type { CriDeps } from "../deps.ts";
import type { ImageRpc } from "../handler.ts";
import { requireImage } from "../validate/image-spec.ts";

/** Answers with the image's id, which is what Container.image_id and ImageStatus say too. */
export function pullImage({ images }: Pick<CriDeps, "images">): ImageRpc<"pullImage"> {
  return async (request, context) => {
    const reference = requireImage(request.image);
    const credentials = toCredentials(request.auth);
    const image = await images.pull({ reference, credentials, asker: "cri" }, context.signal);
    return { imageRef: image.id };
  };
}

/** What a request says to authenticate with; undefined: nothing. */
export function toCredentials(auth: AuthConfig | undefined): RegistryCredentials | undefined {
  if (auth === undefined) return undefined;
  const { username, password, serverAddress, identityToken, registryToken } = auth;
  const given = [username, password, auth.auth, identityToken, registryToken].some((value) => value !== "");
  return given ? { username, password, auth: auth.auth, serverAddress, identityToken, registryToken } : undefined;
}
