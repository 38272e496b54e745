import { LayerBuilder } from "../../fixtures/layer-builder.ts";

/** What a layer is filled with. */
export interface LayerShape {
  readonly files: number;
  /** Sizes go from a quarter of it to seven quarters. */
  readonly meanBytes: number;
}

const poolBytes = 12 * 1024;
/** Longer than what compressors look back: a file is a piece of it that none of them has seen just before. */
const libraryBytes = 24 * 1024 * 1024;
const noisePerMille = 50;
const maxRunBytes = 32;

/** xorshift32: the same bytes on every machine. */
class Numbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return this.#state >>> 0;
  }

  below(bound: number): number {
    return this.next() % bound;
  }
}

/** The archive of a layer, the same for a seed. `program` is put at `/bin/pause`, so that the image runs. */
export function buildContents(shape: LayerShape, seed: number, program: Uint8Array): Uint8Array {
  const numbers = new Numbers(seed * 2_654_435_761);
  const library = sharedLibrary();
  const layer = new LayerBuilder().dir("bin").file("bin/pause", program, { mode: 0o755 });
  for (const name of ["data", "dev", "etc", "proc", "sys"]) layer.dir(name);
  layer.dir(`data/${seed}`);
  for (let index = 0; index < shape.files; index++) {
    const directory = `data/${seed}/${Math.floor(index / filesPerDirectory)}`;
    if (index % filesPerDirectory === 0) layer.dir(directory);
    const size = (shape.meanBytes >> 2) + numbers.below(Math.max(1, shape.meanBytes + (shape.meanBytes >> 1)));
    const from = numbers.below(library.length - size);
    layer.file(`${directory}/file-${index}`, library.subarray(from, from + size));
  }
  return layer.build();
}

const filesPerDirectory = 100;
let library: Buffer | undefined;

/**
 * Runs of a pool of text with noise between: it compresses about 3:1, in literals, short matches and some long ones, as programs and
 * libraries do.
 */
function sharedLibrary(): Buffer {
  if (library !== undefined) return library;
  const numbers = new Numbers(0x2545f491);
  const pool = Buffer.alloc(poolBytes);
  for (let at = 0; at < pool.length; at++) pool[at] = 32 + Math.min(numbers.below(96), numbers.below(96));
  const made = Buffer.allocUnsafe(libraryBytes);
  for (let at = 0; at < made.length; ) {
    const run = Math.min(4 + numbers.below(maxRunBytes), made.length - at);
    if (numbers.below(1000) < noisePerMille) for (let end = at + run; at < end; at++) made[at] = numbers.next() >>> 24;
    else {
      // Near the start of the pool more often: what is common was just there.
      const from = numbers.below(1 + numbers.below(pool.length - maxRunBytes - 4));
      pool.copy(made, at, from, from + run);
      at += run;
    }
  }
  library = made;
  return made;
}
