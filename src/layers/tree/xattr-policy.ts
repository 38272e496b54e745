/**
 * Which extended attributes of an image reach the disk. File capabilities and POSIX ACLs are part of what an image
 * says; `user.` ones are the application's. Overlay's own would let an archive redirect a directory anywhere in the
 * stack, security labels are the node's to give, and the rest of `trusted.` no container can see.
 */
export function keepsXattr(name: string): boolean {
  if (name === "security.capability") return true;
  if (name === "system.posix_acl_access" || name === "system.posix_acl_default") return true;
  return name.startsWith("user.") && name !== "user." && !name.startsWith("user.overlay.") && !name.includes("\0");
}
