import type { ImageAccounts } from "../port.ts";

/** Account files beyond this are an attack on the daemon's memory (CVE-2026-47262). */
export const maxAccountFileBytes = 10 * 1024 * 1024;
export const maxAccountLineBytes = 1024 * 1024;

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
  for (const line of text.split("\n")) {
    const fields = line.trimStart().split(":");
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
  for (const line of text.split("\n")) {
    const fields = line.trimStart().split(":");
    const gid = parseId(fields[2]);
    const name = fields[0] ?? "";
    if (fields.length > 4 || !isName(name) || gid === undefined || control.test(line)) continue;
    const members = (fields[3] ?? "").split(",").filter((member) => member !== "");
    groups.push(Object.freeze({ name, gid, members: Object.freeze(members) }));
  }
  return Object.freeze(groups);
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
