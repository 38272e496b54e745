import { bytesToString } from "../../oci/byte-string.ts";
import { damagedLayer, refusedLayer } from "../layer-error.ts";

/** PAX records by keyword; values are bytes, for attributes are binary. An empty value takes a record back. */
export type PaxRecords = Map<string, Uint8Array>;

const maxRecords = 4096;

/**
 * Parses the body of a PAX header: `<length> <keyword>=<value>\n`, length in decimal and including itself
 * (POSIX.1-2001, pax "Extended Header"). Later records win.
 *
 * Version 0.0 of sparse files repeats two keywords, one pair for each piece; they are gathered into the one list that 0.1 has.
 * @throws {CribError} data-loss for malformed records.
 */
export function parsePaxRecords(body: Uint8Array, into: PaxRecords): void {
  let at = 0;
  const pieces: string[] = [];
  while (at < body.length) {
    const blank = body.indexOf(0x20, at);
    if (blank === -1 || blank - at > 8 || blank === at) throw damagedLayer("PAX record has no length");
    let length = 0;
    for (let i = at; i < blank; i++) {
      const digit = (body[i] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) throw damagedLayer("PAX record length is not a decimal number");
      length = length * 10 + digit;
    }
    const end = at + length;
    if (length < blank - at + 4 || end > body.length || body[end - 1] !== 0x0a) {
      throw damagedLayer("PAX record length does not fit the header");
    }
    const equals = body.indexOf(0x3d, blank + 1);
    if (equals === -1 || equals >= end) throw damagedLayer("PAX record has no value");
    const keyword = bytesToString(body.subarray(blank + 1, equals));
    const value = body.slice(equals + 1, end - 1);
    if (!gatherPiece(keyword, value, pieces)) into.set(keyword, value);
    if (into.size > maxRecords) throw refusedLayer(`a PAX header has more than ${maxRecords} records`);
    at = end;
  }
  if (pieces.length > 0) into.set("GNU.sparse.map", new TextEncoder().encode(pieces.join(",")));
}

/** @returns whether the record is half of a piece. */
function gatherPiece(keyword: string, value: Uint8Array, pieces: string[]): boolean {
  const isOffset = keyword === "GNU.sparse.offset";
  if (!isOffset && keyword !== "GNU.sparse.numbytes") return false;
  if (isOffset !== (pieces.length % 2 === 0)) throw damagedLayer("the map of a sparse file is out of order");
  pieces.push(bytesToString(value));
  return true;
}

/** A whole non-negative decimal, as PAX writes sizes and ids. */
export function parsePaxInteger(value: Uint8Array, keyword: string): number {
  const text = bytesToString(value);
  const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number))
    throw damagedLayer(`PAX ${keyword} ${JSON.stringify(text.slice(0, 40))} is not a number in range`);
  return number;
}

/** Seconds with an optional fraction, possibly negative, to nanoseconds; digits past the ninth are dropped. */
export function parsePaxTime(value: Uint8Array, keyword: string): bigint {
  const text = bytesToString(value);
  const match = /^(-?)([0-9]{1,18})(?:\.([0-9]{0,64}))?$/.exec(text);
  if (!match) throw damagedLayer(`PAX ${keyword} ${JSON.stringify(text.slice(0, 40))} is not a time`);
  const fraction = (match[3] ?? "").slice(0, 9).padEnd(9, "0");
  const nanoseconds = BigInt(match[2] ?? "0") * 1_000_000_000n + BigInt(fraction);
  return match[1] === "-" ? -nanoseconds : nanoseconds;
}
