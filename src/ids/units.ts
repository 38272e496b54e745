import type { Brand } from "./brand.ts";

/** Nanoseconds since the Unix epoch. */
export type UnixNanos = Brand<bigint, "UnixNanos">;
/** A span in milliseconds. */
export type Millis = Brand<number, "Millis">;
/** A size in bytes. */
export type Bytes = Brand<bigint, "Bytes">;
