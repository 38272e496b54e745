import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { type ForeignTable, isTable } from "./foreign-document.ts";

const O_NONBLOCK = 0o4000;
/** A configuration is a few pages; `containerd config default` has 20 KB. */
const maxBytes = 1 << 20;

export type ForeignFile =
  | { readonly kind: "table"; readonly table: ForeignTable }
  | { readonly kind: "absent" }
  | { readonly kind: "refused"; readonly why: string };

/** Reads a file that another program wrote, whatever it is: one that cannot be used says why, and ends nothing. */
export function readForeignToml(path: string): ForeignFile {
  let text: string;
  try {
    // A pipe in its place must not hold anybody up.
    const fd = openSync(path, O_NONBLOCK);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) return { kind: "refused", why: "is no regular file" };
      if (stat.size > maxBytes) return { kind: "refused", why: `is larger than ${maxBytes} bytes` };
      text = readFileSync(fd, "utf8");
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
    return { kind: "refused", why: message };
  }
  try {
    const table = parse(text);
    return isTable(table) ? { kind: "table", table } : { kind: "refused", why: "is no table" };
  } catch (error) {
    return {
      kind: "refused",
      why: `is not TOML: ${String(error instanceof Error ? error.message : error).split("\n", 1)[0]}`,
    };
  }
}
