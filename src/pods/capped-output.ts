/** Keeps the first `limit` bytes of a stream and counts the rest away (CVE-2022-1708, CVE-2022-31030). */
export class CappedOutput {
  readonly #limit: number;
  readonly #parts: Uint8Array[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(bytes: Uint8Array): void {
    const room = this.#limit - this.#size;
    if (room <= 0) return;
    const part = bytes.byteLength <= room ? bytes : bytes.subarray(0, room);
    this.#parts.push(new Uint8Array(part));
    this.#size += part.byteLength;
  }

  bytes(): Uint8Array {
    const [only] = this.#parts;
    return this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
  }
}
