import { invalidArgument } from "../../../errors/crib-error.ts";
import type { RegistryCredentials } from "../../port.ts";
import { decodeBasicAuth, type RegistrySecret } from "./registry-secret.ts";

/** The secret of a pull request's AuthConfig and the one host it is for. */
export interface RequestSecret {
  readonly secret: RegistrySecret;
  /** Host with port from `server_address`; undefined: the registry of the reference. */
  readonly host: string | undefined;
}

/**
 * Picks what the kubelet sent, most specific first: registry token, identity token, user and password, `auth`.
 * @throws {CribError} invalid-argument when `auth` is not base64 of `user:password`; the value is not shown.
 */
export function requestSecret(credentials: RegistryCredentials | undefined): RequestSecret | undefined {
  if (credentials === undefined) return undefined;
  const host = credentials.serverAddress === "" ? undefined : hostOfAddress(credentials.serverAddress);
  const secret = pick(credentials);
  return secret === undefined ? undefined : { secret, host };
}

function pick(credentials: RegistryCredentials): RegistrySecret | undefined {
  if (credentials.registryToken !== "") return { kind: "registry-token", token: credentials.registryToken };
  if (credentials.identityToken !== "") return { kind: "identity-token", token: credentials.identityToken };
  if (credentials.username !== "")
    return { kind: "password", username: credentials.username, password: credentials.password };
  if (credentials.auth === "") return undefined;
  const decoded = decodeBasicAuth(credentials.auth);
  if (decoded === undefined) throw invalidArgument("the request's registry auth is not base64 of user:password");
  return decoded;
}

/** `https://index.docker.io/v1/` → `registry-1.docker.io`; a bare host stays itself. */
export function hostOfAddress(address: string): string {
  const withScheme = address.includes("://") ? address : `https://${address}`;
  const host = URL.canParse(withScheme) ? new URL(withScheme).host : address;
  return host === "index.docker.io" || host === "docker.io" ? "registry-1.docker.io" : host;
}
