/** IFNAMSIZ bytes, as the kernel compares them. */
export function interfaceName(name: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(name).subarray(0, 15));
  return bytes;
}
