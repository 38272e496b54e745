import { invalidArgument } from "../../errors/crib-error.ts";
import { SecurityProfileKind } from "../../gen/runtime/v1/api_pb.ts";
import type { CriDeps } from "../deps.ts";
import type { ImageRpc } from "../handler.ts";
import { requireImage } from "../validate/image-spec.ts";
import { toCredentials } from "./pull-image.ts";

/** Fetches a seccomp profile (KEP-6061). A kubelet asks at every sync of a pod: what is here costs no registry request. */
export function pullSecurityProfile({ images }: Pick<CriDeps, "images">): ImageRpc<"pullSecurityProfile"> {
  return async (request, context) => {
    const reference = requireImage(request.image);
    if (request.profileKind !== SecurityProfileKind.Seccomp) {
      const kind = SecurityProfileKind[request.profileKind];
      throw invalidArgument(`SecurityProfileInvalid: profile_kind ${kind} is not supported, Seccomp is`);
    }
    return await images.profiles.pull(reference, toCredentials(request.auth), context.signal);
  };
}
