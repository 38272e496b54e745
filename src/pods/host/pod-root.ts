import type { UserNamespace } from "../../oci/user-namespace.ts";
import { hostIdOf } from "../../oci/user-namespace.ts";

/** Who the host takes the pod's root for; undefined: its own root. */
export function podRoot(
  userNamespace: UserNamespace | undefined,
): { readonly uid: number; readonly gid: number } | undefined {
  if (userNamespace === undefined) return undefined;
  const uid = hostIdOf(userNamespace.uids, 0);
  const gid = hostIdOf(userNamespace.gids, 0);
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}
