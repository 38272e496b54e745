import { invalidArgument } from "../../errors/crib-error.ts";

/** A zlib stream (RFC 1950) of 32 KiB window that names no dictionary. */
const streamHeader = [0x78, 0x01] as const;
const MAX_STORED_BYTES = 0xffff;
/** An empty stored block: Go's reader hands out what it has only at one, as it ends every flush of zlib. */
const flushMark = [0, 0, 0, 0xff, 0xff] as const;

/**
 * The sending end of a connection's header compression: a zlib stream of stored blocks.
 *
 * A server of streams has next to nothing to say in headers (mostly none at all), so nothing is gained by compressing. No
 * secret can leak through lengths (CRIME, CVE-2012-4929).
 */
export class HeaderDeflater {
  #begun = false;

  /** @throws invalid-argument for more than 64 KiB */
  deflate(block: Uint8Array): Uint8Array {
    if (block.length > MAX_STORED_BYTES)
      throw invalidArgument(`headers of ${block.length} bytes do not fit a stored block`);
    const begin = this.#begun ? [] : streamHeader;
    this.#begun = true;
    const low = block.length & 0xff;
    const high = block.length >> 8;
    return Uint8Array.from([...begin, 0, low, high, low ^ 0xff, high ^ 0xff, ...block, ...flushMark]);
  }
}
