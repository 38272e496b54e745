/* Decoding tables of deflate's prefix codes (RFC 1951, section 3.2.2). */
#ifndef CRIB_HUFFMAN_H
#define CRIB_HUFFMAN_H

#include <stdbool.h>
#include <stdint.h>

#define LITLEN_BITS 11
#define OFFSET_BITS 9
#define PRECODE_BITS 7
/* Enough for any complete code of that many symbols and first-level bits: 2^bits, and subtables for the longer codes,
 * of which there are at most 2^(15 - bits) entries for each prefix; zlib's `enough` program gives 2342 and 594. */
#define LITLEN_TABLE 2400
#define OFFSET_TABLE 640
#define PRECODE_TABLE 128

/*
 * One entry: bits 0-7 how many bits the code and its extra bits take, 8-11 how many the code alone, 16-30 the value,
 * and flags. For a subtable: bits 0-7 the first level's bits, 8-11 the subtable's, 16-30 where it begins.
 */
#define ENTRY_LITERAL 0x80000000u
#define ENTRY_SUBTABLE 0x00008000u
#define ENTRY_END 0x00004000u
#define ENTRY_INVALID 0x00002000u

#define MAX_CODE_BITS 15

/*
 * `symbols[i]` is what an entry of symbol i says but for the code's own bits. False when the lengths are no code. An
 * incomplete one passes only when it has a single code of one bit, or none at all, as zlib has it.
 */
bool huffman_build(uint32_t *table, unsigned table_bits, const uint8_t *lengths, unsigned count,
		   const uint32_t *symbols, bool may_be_incomplete);

#endif
