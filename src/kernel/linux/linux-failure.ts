import { ErrnoError } from "../../errors/errno-error.ts";

/** `struct crib_err` of ffi/libcrib/crib.h: int32 errnum, char step[28], char path[224]. */
const SIZE = 256;
const STEP_AT = 4;
const PATH_AT = 32;

function textAt(bytes: Uint8Array, start: number, end: number): string {
  const nul = bytes.indexOf(0, start);
  return Buffer.from(bytes.subarray(start, nul === -1 || nul > end ? end : nul)).toString("utf8");
}

/**
 * Calls a shim function of several steps with a failure record.
 *
 * @throws {ErrnoError} naming the step that failed and what it worked on.
 */
export function withFailure(call: (record: Uint8Array) => number): number {
  const record = new Uint8Array(SIZE);
  const result = call(record);
  if (result >= 0) return result;
  throw failureOf(result, record, "");
}

/** What a record says of a result that is -errno; `step` where there is no record. */
export function failureOf(result: number, record: Uint8Array, step: string): ErrnoError {
  if (record.length < SIZE) return new ErrnoError(-result, step);
  const path = textAt(record, PATH_AT, SIZE);
  return new ErrnoError(-result, textAt(record, STEP_AT, PATH_AT), path === "" ? undefined : path);
}
