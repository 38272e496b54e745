import { failedPrecondition } from "../../errors/crib-error.ts";

/** A member's name without "./" and "//", as the documents of an archive spell it. @throws {CribError} for one that leads out. */
export function memberPath(name: string): string {
  if (name.startsWith("/")) throw leavesArchive(name);
  return normal(name.split("/"), name);
}

/** What a link in an archive means, by the name of another member. @throws {CribError} for one that leads out. */
export function linkTarget(from: string, target: string, kind: "hardlink" | "symlink"): string {
  if (target.startsWith("/")) throw leavesArchive(target);
  const above = kind === "symlink" ? from.split("/").slice(0, -1) : [];
  return normal([...above, ...target.split("/")], target);
}

function normal(parts: readonly string[], name: string): string {
  const path: string[] = [];
  for (const part of parts) {
    if (part === "" || part === ".") continue;
    if (part !== "..") path.push(part);
    else if (path.pop() === undefined) throw leavesArchive(name);
  }
  return path.join("/");
}

function leavesArchive(name: string): Error {
  return failedPrecondition(`the archive has a name that leads out of it: ${JSON.stringify(name.slice(0, 200))}`);
}
