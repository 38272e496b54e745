import { hasErrno } from "../../errors/has-errno.ts";
import type { CgroupFiles } from "./cgroup-files.ts";

/** `key value` lines, as memory.stat and cpu.stat have them. */
export function parseFlatKeyed(text: string): ReadonlyMap<string, bigint> {
  const values = new Map<string, bigint>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) values.set(line.slice(0, space), BigInt(line.slice(space + 1)));
  }
  return values;
}

/** The file's text, undefined when the kernel, hierarchy or group does not have it. */
export function readOptional(files: CgroupFiles, path: string): string | undefined {
  try {
    return files.read(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENODEV", "EOPNOTSUPP")) return undefined;
    throw error;
  }
}

/** A single number, undefined when absent or "max". */
export function readNumber(files: CgroupFiles, path: string): bigint | undefined {
  const text = readOptional(files, path)?.trim();
  return text === undefined || text === "" || text === "max" ? undefined : BigInt(text);
}
