import { describe, expect, test } from "bun:test";
import { Random } from "../../../tests/harness/random.ts";
import { waitUntil } from "../../../tests/harness/wait-until.ts";
import { headroomBytes } from "./input-blocks.ts";
import { InputPump, type PumpTarget } from "./input-pump.ts";

/** Takes one write at a time, when it is told to, and uses the room before the bytes as a target may. */
class SlowTarget implements PumpTarget {
  readonly taken: Uint8Array[] = [];
  readonly holds: boolean[] = [];
  ended = false;
  #write: PromiseWithResolvers<void> | undefined;

  write(bytes: Uint8Array): Promise<void> {
    new Uint8Array(bytes.buffer, bytes.byteOffset - headroomBytes, headroomBytes).fill(0xee);
    this.taken.push(bytes.slice());
    this.#write = Promise.withResolvers();
    return this.#write.promise;
  }

  async end(): Promise<void> {
    this.ended = true;
  }

  hold(full: boolean): void {
    this.holds.push(full);
  }

  async finishWrite(): Promise<void> {
    this.#write?.resolve();
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
  }

  failWrite(): void {
    this.#write?.reject(new Error("closed"));
  }

  get text(): string {
    return Buffer.concat(this.taken).toString("latin1");
  }
}

describe("an input pump", () => {
  test("writes what came while it wrote as one", async () => {
    const target = new SlowTarget();
    const pump = new InputPump(target);
    for (const piece of ["a", "b", "c", "d"]) pump.push(Buffer.from(piece));
    pump.end();
    expect(target.text).toBe("a");
    await target.finishWrite();
    expect(target.taken.map((bytes) => Buffer.from(bytes).toString())).toEqual(["a", "bcd"]);
    expect(target.ended).toBe(false);
    await target.finishWrite();
    expect(target.ended).toBe(true);
  });

  test("keeps order and bytes of pieces of any size, whose memory is used again", async () => {
    const target = new SlowTarget();
    const pump = new InputPump(target);
    const random = new Random(17);
    const sent = new Bun.CryptoHasher("sha256");
    let bytes = 0;
    for (let round = 0; round < 300; round++) {
      const piece = new Uint8Array(Math.floor(random.between(0, random.next() < 0.1 ? 500_000 : 3_000)));
      piece.fill(round);
      sent.update(piece);
      bytes += piece.length;
      pump.push(piece);
      piece.fill(0xdd);
      if (random.next() < 0.5) await target.finishWrite();
    }
    pump.end();
    while (!target.ended) await target.finishWrite();
    expect(target.taken.reduce((sum, taken) => sum + taken.length, 0)).toBe(bytes);
    const received = new Bun.CryptoHasher("sha256");
    for (const taken of target.taken) received.update(taken);
    expect(received.digest("hex")).toBe(sent.digest("hex"));
  });

  test("holds its source while too much waits, and lets go of it before all is written", async () => {
    const target = new SlowTarget();
    const pump = new InputPump(target);
    pump.push(new Uint8Array(1_000_000));
    expect(target.holds).toEqual([true]);
    while (target.holds.length < 2) await target.finishWrite();
    const written = target.taken.slice(0, -1).reduce((sum, taken) => sum + taken.length, 0);
    expect(target.holds).toEqual([true, false]);
    expect(written).toBeLessThan(1_000_000);
  });

  test("drops what comes when nothing is taken any more, and does not stay held", async () => {
    const target = new SlowTarget();
    const pump = new InputPump(target);
    pump.push(new Uint8Array(1_000_000));
    target.failWrite();
    await waitUntil(() => target.holds.length === 2, { what: "the source to be let go" });
    pump.push(new Uint8Array(1_000_000));
    pump.end();
    expect([target.holds, target.taken.length, target.ended]).toEqual([[true, false], 1, false]);
  });
});
