import type { Random } from "../harness/random.ts";

/** Code that reads bytes of strangers, and how to tell that it did wrong. */
export interface FuzzTarget {
  /** Also the folder of its seeds. */
  readonly name: string;
  readonly maxInputBytes: number;
  /** Longest an input may take, on an idle machine. */
  readonly maxInputMs: number;
  /** Good inputs to begin with, besides the seeds. */
  examples(): readonly Uint8Array[];
  /** Pieces that mean something to the reader: keywords, magic numbers. */
  readonly tokens: readonly Uint8Array[];
  /** Changes a good input where its parts are known, half of the time; undefined for bytes it cannot make sense of. */
  mutate?(input: Uint8Array, random: Random): Uint8Array | undefined;
  /**
   * Reads one input; throws when an invariant is broken, and for nothing else.
   *
   * @returns a word for what happened. An input with a new word is kept and mutated further: it stands in for the
   * coverage that JavaScript engines do not report, so that it should tell paths apart, and not values.
   */
  run(input: Uint8Array): string;
  /** After the last input: whatever is left to be checked or freed. */
  finish?(): void;
}
