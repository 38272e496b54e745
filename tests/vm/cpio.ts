/** One file of an initramfs. */
export interface CpioEntry {
  readonly name: string;
  /** Type and permissions of inode(7). */
  readonly mode: number;
  readonly content: Uint8Array;
}

const encoder = new TextEncoder();

/** An archive in the "newc" format, which the kernel unpacks as its first root (buffer-format.rst of the kernel's documentation). */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts = [...entries, { name: "TRAILER!!!", mode: 0, content: new Uint8Array() }].map(member);
  return Buffer.concat(parts);
}

function member({ name, mode, content }: CpioEntry, index: number): Uint8Array {
  const path = encoder.encode(`${name}\0`);
  const fields = [index + 1, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, path.length, 0];
  const header = encoder.encode(`070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`);
  return Buffer.concat([padded(Buffer.concat([header, path])), padded(content)]);
}

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, new Uint8Array((4 - (bytes.length % 4)) % 4)]);
}
