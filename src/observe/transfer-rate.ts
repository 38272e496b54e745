/** Share of the newest sample in the average: settles within a few seconds, does not jump with every packet. */
const weight = 0.3;
const sampleMs = 200;

/** Bytes a second of one transfer, as a moving average over its samples. */
export class TransferRate {
  #bytes: bigint | undefined;
  #atMs = 0;
  #bytesPerSecond: number | undefined;

  sample(bytes: bigint, nowMs: number): void {
    if (this.#bytes === undefined) {
      this.#bytes = bytes;
      this.#atMs = nowMs;
      return;
    }
    const elapsedMs = nowMs - this.#atMs;
    if (elapsedMs < sampleMs) return;
    const current = (Number(bytes - this.#bytes) * 1000) / elapsedMs;
    this.#bytesPerSecond =
      this.#bytesPerSecond === undefined ? current : weight * current + (1 - weight) * this.#bytesPerSecond;
    this.#bytes = bytes;
    this.#atMs = nowMs;
  }

  /** undefined until there are two samples. */
  get bytesPerSecond(): number | undefined {
    return this.#bytesPerSecond;
  }

  /** Milliseconds until `remaining` bytes are here at this rate; undefined when that cannot be told. */
  etaMs(remaining: bigint): number | undefined {
    const rate = this.#bytesPerSecond;
    return rate === undefined || rate <= 0 ? undefined : (Number(remaining) * 1000) / rate;
  }
}
