import { CribError } from "../../errors/crib-error.ts";
import type { ImageRpc } from "../handler.ts";

/** KEP-6061: as long as Status does not claim `seccomp_profile_oci`, a kubelet does not ask. */
export function removeSecurityProfile(): ImageRpc<"removeSecurityProfile"> {
  return () => {
    throw new CribError("unimplemented", "method RemoveSecurityProfile not implemented");
  };
}
