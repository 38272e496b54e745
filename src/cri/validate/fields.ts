import { isIP } from "node:net";
import { invalidArgument } from "../../errors/crib-error.ts";

/** Checks of single values; each names the field and the value it refuses. All throw {CribError} invalid-argument. */

const namePattern = /^[A-Za-z0-9._-]{1,253}$/;

/** A value as an error may show it: one line, not for ever. */
export function shown(value: string): string {
  return JSON.stringify(value.length > 120 ? `${value.slice(0, 120)}…` : value);
}

/** A name that becomes part of file names and logs: plain characters, no path, no `..`. */
export function checkName(value: string, field: string): void {
  if (value === "") throw invalidArgument(`${field} is required`);
  if (!namePattern.test(value) || value === "." || value.includes("..")) {
    throw invalidArgument(
      `${field} ${shown(value)} is not a name: 1 to 253 of letters, digits, "-", "_", ".", and no ".."`,
    );
  }
}

/** The id a request is about; whether it exists is the domain's question. */
export function checkId(value: string, field: string): void {
  if (value === "") throw invalidArgument(`${field} is required`);
}

export function checkAbsolutePath(value: string, field: string): void {
  if (!value.startsWith("/")) throw invalidArgument(`${field} ${shown(value)} is not an absolute path`);
}

/** An absolute path that is used on the host as it stands, so that no `..` may hide where it leads. */
export function checkHostPath(value: string, field: string): void {
  checkAbsolutePath(value, field);
  if (value.split("/").includes("..")) throw invalidArgument(`${field} ${shown(value)} contains ".."`);
}

/** A path below another one: relative, never leaving it (CVE-2025-0750). "" is allowed. */
export function checkRelativePath(value: string, field: string): void {
  if (value.startsWith("/")) throw invalidArgument(`${field} ${shown(value)} must be relative`);
  if (value.split("/").includes("..")) throw invalidArgument(`${field} ${shown(value)} contains ".."`);
}

/** The kernel's __NEW_UTS_LEN. */
const maxHostnameBytes = 64;

/**
 * What sethostname(2) takes is taken: a kubelet without clusterDomain and with setHostnameAsFQDN sends a trailing dot, and names
 * with "_" or a leading "-" are about. A line break would write lines of the files that a hostname is put into, and a slash make a
 * path of it for whoever names a file after his host. "" is allowed.
 */
export function checkHostname(value: string, field: string): void {
  const bytes = Buffer.byteLength(value);
  if (bytes > maxHostnameBytes)
    throw invalidArgument(`${field} ${shown(value)} is ${bytes} bytes long, the kernel takes ${maxHostnameBytes}`);
  if (/[\r\n/]/.test(value)) throw invalidArgument(`${field} ${shown(value)} contains a line break or a slash`);
}

/** A word of resolv.conf: a blank or line break in it would write another directive (CVE-2022-4318 is the same fault). */
export function checkResolverWord(value: string, field: string): void {
  if (value === "" || /[\s\p{Cc}#;]/u.test(value))
    throw invalidArgument(`${field} ${shown(value)} is not a single word`);
}

export function checkAddress(value: string, field: string): void {
  const [address = ""] = value.split("%", 1);
  if (isIP(address) === 0 || /[\s\p{Cc}]/u.test(value))
    throw invalidArgument(`${field} ${shown(value)} is not an IP address`);
}

export function checkPort(value: number, field: string, lowest: number): void {
  if (value < lowest || value > 65_535) throw invalidArgument(`${field} ${value} is not between ${lowest} and 65535`);
}

export function checkRange(value: bigint, field: string, lowest: bigint, highest: bigint): void {
  if (value < lowest || value > highest)
    throw invalidArgument(`${field} ${value} is not between ${lowest} and ${highest}`);
}

/** (uid_t)-1 means "leave alone" to the kernel and is nobody's id. */
const highestId = 4_294_967_294n;

export function checkUserId(value: bigint, field: string): void {
  checkRange(value, field, 0n, highestId);
}

/** Seconds a caller is ready to wait; 0 has a meaning of its own in every RPC that has one. */
export function checkTimeout(value: bigint, field: string): void {
  if (value < 0n) throw invalidArgument(`${field} ${value} is negative`);
}
