export type ImageUser =
  | { readonly kind: "unset" }
  | { readonly kind: "uid"; readonly uid: bigint }
  | { readonly kind: "name"; readonly name: string };

/** (uid_t)-1 is "no change" to the kernel and no user's id. */
const highestUid = 4_294_967_294n;

/**
 * The user part of an image's `USER user[:group]`, as ImageStatus reports it and the kubelet's runAsNonRoot judges it.
 *
 * A canonical decimal in range is a uid; everything else is a name, "01" and "4294967296" included. The kubelet refuses
 * a name where runAsNonRoot is asked, so that a number which could wrap to 0 never passes for a user (CVE-2024-40635,
 * CVE-2026-46680); creating a container with it fails as well.
 */
export function parseImageUser(text: string): ImageUser {
  const [user = ""] = text.split(":", 1);
  if (user === "") return { kind: "unset" };
  if (/^(?:0|[1-9][0-9]{0,9})$/.test(user)) {
    const uid = BigInt(user);
    if (uid <= highestUid) return { kind: "uid", uid };
  }
  return { kind: "name", name: user };
}
