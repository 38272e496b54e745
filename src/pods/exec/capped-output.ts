/**
 * Keeps the first `limit` bytes of a stream and counts the rest away (CVE-2022-1708, CVE-2022-31030).
 *
 * One block that grows in place: a list of pieces and the whole they are joined to would be twice the output.
 */
export class CappedOutput {
  readonly #block: ArrayBuffer;
  #size = 0;

  constructor(limit: number) {
    this.#block = new ArrayBuffer(0, { maxByteLength: limit });
  }

  get isFull(): boolean {
    return this.#size === this.#block.maxByteLength;
  }

  push(bytes: Uint8Array): void {
    const part = bytes.subarray(0, this.#block.maxByteLength - this.#size);
    if (part.byteLength === 0) return;
    this.#block.resize(this.#size + part.byteLength);
    new Uint8Array(this.#block, this.#size).set(part);
    this.#size += part.byteLength;
  }

  /** What was kept so far; valid until the next push. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#block, 0, this.#size);
  }
}
