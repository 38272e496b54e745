import { dlopen } from "bun:ffi";

const libc = dlopen("libc.so.6", {
  lgetxattr: { args: ["cstring", "cstring", "buffer", "buffer_length"], returns: "i64" },
}).symbols;

/** An extended attribute of a file, links not followed; undefined when it has none of that name. */
export function readXattr(path: string, name: string): Buffer | undefined {
  const value = new Uint8Array(64 * 1024);
  const length = Number(libc.lgetxattr(path, name, value, value));
  return length < 0 ? undefined : Buffer.from(value.subarray(0, length));
}
