/** What opens a registry. Never logged: kept out of errors and records by never being formatted. */
export type RegistrySecret =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token, exchanged at the token endpoint. */
  | { readonly kind: "identity-token"; readonly token: string }
  /** Sent as it is: `Authorization: Bearer …`. */
  | { readonly kind: "registry-token"; readonly token: string };

/** `user:password` in base64, as Docker's config.json and the CRI carry it; undefined when it is not that. */
export function decodeBasicAuth(auth: string): RegistrySecret | undefined {
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon <= 0) return undefined;
  return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}
