import { failedPrecondition } from "../../errors/crib-error.ts";
import type { ImageAccounts } from "../port.ts";

/** Account files beyond this are an attack on the daemon's memory (CVE-2026-47262). */
export const maxAccountFileBytes = 1024 * 1024;
export const maxAccountLineBytes = 64 * 1024;
/** Lines, and names in all groups together: each costs a few microseconds of everybody's time. */
const maxAccountLines = 16_384;
const maxMembers = 16_384;

const maxId = 0xffff_fffe;
const control = /[\u0000-\u0008\u000a-\u001f\u007f]/;

type User = ImageAccounts["users"][number];
type Group = ImageAccounts["groups"][number];

/**
 * passwd(5), as glibc reads it: what is missing behind the ids is empty. Lines without plain decimal ids or with more than seven
 * fields (comments, NIS entries, damage) name nobody.
 */
export function parsePasswd(text: string): readonly User[] {
  const users: User[] = [];
  for (const line of linesOf(text)) {
    const fields = line.trimStart().split(":", 8);
    const uid = parseId(fields[2]);
    const gid = parseId(fields[3]);
    const name = fields[0] ?? "";
    if (fields.length > 7 || !isName(name) || uid === undefined || gid === undefined || control.test(line)) continue;
    users.push(Object.freeze({ name, uid, gid, home: fields[5] ?? "" }));
  }
  return Object.freeze(users);
}

/** group(5), likewise: who has no members may leave out their place. */
export function parseGroup(text: string): readonly Group[] {
  const groups: Group[] = [];
  let members = 0;
  for (const line of linesOf(text)) {
    const fields = line.trimStart().split(":", 5);
    const gid = parseId(fields[2]);
    const name = fields[0] ?? "";
    if (fields.length > 4 || !isName(name) || gid === undefined || control.test(line)) continue;
    const named = (fields[3] ?? "").split(",", maxMembers + 1).filter((member) => member !== "");
    members += named.length;
    if (members > maxMembers) throw failedPrecondition(`the image's groups have over ${maxMembers} members`);
    groups.push(Object.freeze({ name, gid, members: Object.freeze(named) }));
  }
  return Object.freeze(groups);
}

/** Blank lines cost nothing and count for nothing. */
function* linesOf(text: string): Generator<string> {
  let lines = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline === -1 ? text.length : newline;
    if (end > start) {
      if (++lines > maxAccountLines)
        throw failedPrecondition(`an account file of the image has over ${maxAccountLines} lines`);
      yield text.slice(start, end);
    }
    start = end + 1;
  }
}

/** Digits only and in range: "01" is 1, "+1", "1e0", "" and 4294967295 are nobody. */
function parseId(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= maxId ? id : undefined;
}

function isName(name: string): boolean {
  return name !== "" && !name.startsWith("+") && !name.startsWith("-") && !name.startsWith("#");
}
