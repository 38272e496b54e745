/** A short text that is equal for equal requests; what it covers is up to the caller. */
export function fingerprint(...parts: readonly (Uint8Array | string)[]): string {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const part of parts) {
    hasher.update(`${part.length}:`);
    hasher.update(part);
  }
  return hasher.digest("hex");
}
