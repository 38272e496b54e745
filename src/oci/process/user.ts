import { invalidArgument } from "../../errors/crib-error.ts";
import type { ContainerSecurityContext } from "../../spec/security-context.ts";
import type { Accounts } from "./image-defaults.ts";

/** Who a container's process is; `home` is "/" for a user the image does not know. */
export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, the primary gid first: leaving it out would let a process shed a negative group permission. */
  readonly additionalGids: readonly number[];
  readonly home: string;
}

/** 4294967295 is "no change" to the kernel's set*id calls. */
const maxId = 4294967294;

/**
 * Resolves the request's user over the image's USER.
 *
 * Text of digits alone is always a number (CVE-2024-40635, CVE-2016-3697: a passwd line may not give a number another
 * meaning), written without sign, space or leading zeros (CVE-2026-30892); anything else is a name of the image's files.
 *
 * @throws {CribError} invalid-argument for unknown names, malformed or out-of-range numbers, a group without a user.
 */
export function resolveUser(
  security: ContainerSecurityContext | undefined,
  imageUser: string,
  accounts: Accounts,
): ResolvedUser {
  const { user, group } = requestedNames(security, imageUser);
  const account = findAccount(user, accounts);
  const gid = group === undefined ? account.gid : findGroup(group, accounts);
  const requested = (security?.supplementalGroups ?? []).map((id) => checkId(id, "supplemental group"));
  const policy = security?.supplementalGroupsPolicy ?? "merge";
  const memberships = policy === "strict" ? [] : imageGroups(account.name, accounts);
  return {
    uid: account.uid,
    gid,
    additionalGids: [...new Set([gid, ...memberships, ...requested])],
    home: account.home,
  };
}

interface Account {
  readonly name: string | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

function requestedNames(
  security: ContainerSecurityContext | undefined,
  imageUser: string,
): { readonly user: string; readonly group: string | undefined } {
  const uid = security?.runAsUser;
  const gid = security?.runAsGroup;
  const name = security?.runAsUsername ?? "";
  const group = gid === undefined ? undefined : String(checkId(gid, "run_as_group"));
  if (uid !== undefined) return { user: String(checkId(uid, "run_as_user")), group };
  if (name !== "") return { user: name, group };
  if (group !== undefined)
    throw invalidArgument(`run_as_group ${group} is given without run_as_user or run_as_username`);
  const colon = imageUser.indexOf(":");
  if (colon < 0) return { user: imageUser, group: undefined };
  // "1000:" names no group, as "1000" does.
  return { user: imageUser.slice(0, colon), group: imageUser.slice(colon + 1) || undefined };
}

function findAccount(user: string, accounts: Accounts): Account {
  // USER "" and ":group" mean root's uid, as the image-spec's unset User does.
  const uid = user === "" ? 0 : parseId(user, "user");
  if (uid !== undefined) {
    const known = accounts.users.find((entry) => entry.uid === uid);
    return { name: known?.name, uid, gid: known?.gid ?? 0, home: known?.home || "/" };
  }
  const known = accounts.users.find((entry) => entry.name === user);
  if (known === undefined) throw invalidArgument(`user ${quote(user)} is not in the image's /etc/passwd`);
  return { ...known, home: known.home || "/" };
}

function findGroup(group: string, accounts: Accounts): number {
  const gid = parseId(group, "group");
  if (gid !== undefined) return gid;
  const known = accounts.groups.find((entry) => entry.name === group);
  if (known === undefined) throw invalidArgument(`group ${quote(group)} is not in the image's /etc/group`);
  return known.gid;
}

function imageGroups(user: string | undefined, accounts: Accounts): readonly number[] {
  if (user === undefined) return [];
  return accounts.groups.filter((group) => group.members.includes(user)).map((group) => group.gid);
}

/** The number `text` is, undefined when it is a name. */
function parseId(text: string, what: string): number | undefined {
  if (/^[0-9]+$/.test(text)) {
    if (text.length > 10 || (text.length > 1 && text.startsWith("0"))) {
      throw invalidArgument(`${what} ${quote(text)} is not a plain number from 0 to ${maxId}`);
    }
    return checkId(BigInt(text), what);
  }
  if (!/^[A-Za-z0-9_.@$][A-Za-z0-9_.@$-]*$/.test(text))
    throw invalidArgument(`${what} ${quote(text)} is neither a number nor a name`);
  return undefined;
}

function checkId(id: bigint, what: string): number {
  if (id < 0n || id > BigInt(maxId)) throw invalidArgument(`${what} ${id} is not a number from 0 to ${maxId}`);
  return Number(id);
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
