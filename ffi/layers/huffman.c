#include "huffman.h"

static unsigned reversed(unsigned code, unsigned bits)
{
	unsigned result = 0;
	for (unsigned i = 0; i < bits; i++)
		result |= (code >> i & 1) << (bits - 1 - i);
	return result;
}

static uint32_t entry_of(uint32_t symbol, unsigned code_bits)
{
	return symbol + (code_bits | code_bits << 8);
}

/* Of the codes with the first-level prefix of the one at hand, the longest decides how large their subtable is. */
static unsigned subtable_bits(const unsigned *left, unsigned length, unsigned table_bits)
{
	unsigned bits = length - table_bits;
	unsigned used = left[length];
	while (used < 1u << bits) {
		bits++;
		if (table_bits + bits > MAX_CODE_BITS)
			return MAX_CODE_BITS - table_bits;
		used = (used << 1) + left[table_bits + bits];
	}
	return bits;
}

static bool is_code(const unsigned *counts, unsigned used, bool may_be_incomplete)
{
	int room = 1;
	for (unsigned bits = 1; bits <= MAX_CODE_BITS; bits++) {
		room = (room << 1) - (int)counts[bits];
		if (room < 0)
			return false;
	}
	return room == 0 || (may_be_incomplete && (used == 0 || (used == 1 && counts[1] == 1)));
}

/* Symbols in the order of their codes: by length, then by number. */
static void sort_symbols(const uint8_t *lengths, unsigned count, const unsigned *counts, uint16_t *sorted)
{
	unsigned at[MAX_CODE_BITS + 2] = {0};
	for (unsigned bits = 1; bits <= MAX_CODE_BITS; bits++)
		at[bits + 1] = at[bits] + counts[bits];
	for (unsigned symbol = 0; symbol < count; symbol++)
		if (lengths[symbol] != 0)
			sorted[at[lengths[symbol]]++] = (uint16_t)symbol;
}

bool huffman_build(uint32_t *table, unsigned table_bits, const uint8_t *lengths, unsigned count,
		   const uint32_t *symbols, bool may_be_incomplete)
{
	unsigned counts[MAX_CODE_BITS + 1] = {0};
	uint16_t sorted[288];
	unsigned used = 0;
	for (unsigned symbol = 0; symbol < count; symbol++)
		if (lengths[symbol] != 0) {
			counts[lengths[symbol]]++;
			used++;
		}
	if (!is_code(counts, used, may_be_incomplete))
		return false;
	for (unsigned i = 0; i < 1u << table_bits; i++)
		table[i] = ENTRY_INVALID | 1;
	sort_symbols(lengths, count, counts, sorted);

	unsigned code = 0, length = 1, end = 1u << table_bits;
	unsigned prefix = ~0u, start = 0, bits = 0;
	for (unsigned i = 0; i < used; i++) {
		while (counts[length] == 0) {
			length++;
			code <<= 1;
		}
		uint32_t symbol = symbols[sorted[i]];
		unsigned index = reversed(code, length);
		if (length <= table_bits) {
			for (; index < 1u << table_bits; index += 1u << length)
				table[index] = entry_of(symbol, length);
		} else {
			unsigned mask = (1u << table_bits) - 1;
			if ((index & mask) != prefix) {
				prefix = index & mask;
				start = end;
				bits = subtable_bits(counts, length, table_bits);
				end += 1u << bits;
				table[prefix] = ENTRY_SUBTABLE | start << 16 | bits << 8 | table_bits;
			}
			for (unsigned at = index >> table_bits; at < 1u << bits; at += 1u << (length - table_bits))
				table[start + at] = entry_of(symbol, length - table_bits);
		}
		code++;
		counts[length]--;
	}
	return true;
}
