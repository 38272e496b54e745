import { failedPrecondition } from "../../errors/crib-error.ts";
import { isNodeLocal } from "./hosts/local-address.ts";

export const maxRedirects = 5;

/** Where an answer sends its client; undefined for an answer that is one. */
export function redirectTarget(response: Response): string | undefined {
  const redirects = [301, 302, 303, 307, 308].includes(response.status);
  return redirects ? (response.headers.get("location") ?? undefined) : undefined;
}

/**
 * The address that `location` means, when a registry may send its clients there: never away from TLS, never to a file, and to what
 * only this node can reach only if the registry is such a thing itself.
 *
 * @param origin the registry's own. @throws {CribError} failed-precondition: asking again would lead to the same place.
 */
export function followRedirect(origin: string, from: URL, location: string): URL {
  const refused = (why: string): Error => failedPrecondition(`registry ${origin} redirects ${why}`);
  if (!URL.canParse(location, from.href)) throw refused("to a malformed address");
  const to = new URL(location, from);
  if (to.protocol !== "https:" && !(to.protocol === "http:" && from.protocol === "http:"))
    throw refused(`from ${from.protocol}// to ${to.protocol}//`);
  if (to.username !== "" || to.password !== "") throw refused("to an address with credentials in it");
  if (isNodeLocal(to.hostname) && !isNodeLocal(new URL(origin).hostname))
    throw refused(`to ${to.host}, which is local to this node`);
  return to;
}
