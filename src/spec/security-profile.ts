/** A seccomp or AppArmor profile that a request asks for. */
export type SecurityProfile =
  | { readonly kind: "runtime-default" }
  | { readonly kind: "unconfined" }
  | LocalProfile
  /** One that was pulled from a registry, held to `base` (undefined: the runtime's own). */
  | { readonly kind: "oci"; readonly reference: string; readonly base: BaseProfile | undefined };

/** What a profile from a registry cannot go beyond. */
export type BaseProfile = { readonly kind: "runtime-default" } | LocalProfile;

/** The name of a file, or of a profile in the kernel; with or without the prefix "localhost/". */
export interface LocalProfile {
  readonly kind: "localhost";
  readonly reference: string;
}
