/*
 * A streaming gzip decoder (RFC 1951, 1952). Ours because what static libraries distributions have either inflates
 * whole buffers only (libdeflate: no overlap with the download, memory as large as the layer) or takes twice the time
 * (zlib): docs/decisions/0125. A wrong byte can never pass: the archive is hashed and compared with its diff id.
 */
#include <string.h>

#include "bytes.h"
#include "huffman.h"

/* Before each turn of the decoding loop there is this much input, or the zeros behind the end of it. */
#define INPUT_MARGIN 32
/* So many bytes may be in the bit buffer, and be given back from it. */
#define HELD 8

struct inflater {
	struct input input;
	struct output output;
	uint8_t *in;
	uint8_t *in_end;
	uint8_t *in_limit;
	bool in_over;
	uint8_t pad[HELD + INPUT_MARGIN + INPUT_MARGIN + INPUT_SLACK];
	uint64_t bits;
	unsigned count;
	uint8_t *start;
	uint8_t *out;
	uint8_t *out_limit;
	uint64_t flushed;
	uint64_t member_start;
	uint32_t litlen[LITLEN_TABLE];
	uint32_t offset[OFFSET_TABLE];
	uint32_t precode[PRECODE_TABLE];
};

#define EXTRA(base, extra) ((uint32_t)(base) << 16 | (extra))

static const uint32_t length_symbols[31] = {
	EXTRA(3, 0),   EXTRA(4, 0),   EXTRA(5, 0),   EXTRA(6, 0),   EXTRA(7, 0),   EXTRA(8, 0),   EXTRA(9, 0),
	EXTRA(10, 0),  EXTRA(11, 1),  EXTRA(13, 1),  EXTRA(15, 1),  EXTRA(17, 1),  EXTRA(19, 2),  EXTRA(23, 2),
	EXTRA(27, 2),  EXTRA(31, 2),  EXTRA(35, 3),  EXTRA(43, 3),  EXTRA(51, 3),  EXTRA(59, 3),  EXTRA(67, 4),
	EXTRA(83, 4),  EXTRA(99, 4),  EXTRA(115, 4), EXTRA(131, 5), EXTRA(163, 5), EXTRA(195, 5), EXTRA(227, 5),
	EXTRA(258, 0), ENTRY_INVALID, ENTRY_INVALID,
};

static const uint32_t offset_symbols[32] = {
	EXTRA(1, 0),     EXTRA(2, 0),     EXTRA(3, 0),     EXTRA(4, 0),      EXTRA(5, 1),      EXTRA(7, 1),
	EXTRA(9, 2),     EXTRA(13, 2),    EXTRA(17, 3),    EXTRA(25, 3),     EXTRA(33, 4),     EXTRA(49, 4),
	EXTRA(65, 5),    EXTRA(97, 5),    EXTRA(129, 6),   EXTRA(193, 6),    EXTRA(257, 7),    EXTRA(385, 7),
	EXTRA(513, 8),   EXTRA(769, 8),   EXTRA(1025, 9),  EXTRA(1537, 9),   EXTRA(2049, 10),  EXTRA(3073, 10),
	EXTRA(4097, 11), EXTRA(6145, 11), EXTRA(8193, 12), EXTRA(12289, 12), EXTRA(16385, 13), EXTRA(24577, 13),
	ENTRY_INVALID,   ENTRY_INVALID,
};

/* --- input ------------------------------------------------------------------------------------------------------- */

/* `rest` is what is left of the piece before, after the HELD bytes whose bits may be given back. */
static void use_piece(struct inflater *z, uint8_t *piece, size_t length, const uint8_t *rest, size_t rest_length)
{
	z->in = piece - rest_length;
	memcpy(z->in - HELD, rest, HELD + rest_length);
	z->in_end = piece + length;
	z->in_limit = z->in_end - INPUT_MARGIN;
}

/* Puts the next piece behind what is left of this one. Behind the last there are zeros. */
static void next_piece(struct inflater *z)
{
	while (!z->in_over && z->in > z->in_limit) {
		uint8_t rest[HELD + INPUT_MARGIN];
		size_t left = (size_t)(z->in_end - z->in);
		memcpy(rest, z->in - HELD, HELD + left);
		uint8_t *piece;
		size_t length;
		if (z->input.next(z->input.context, &piece, &length)) {
			use_piece(z, piece, length, rest, left);
			continue;
		}
		z->in_over = true;
		memset(z->pad, 0, sizeof(z->pad));
		use_piece(z, z->pad + HELD + left, 0, rest, left);
		z->in_limit = z->in_end + INPUT_MARGIN;
	}
}

/* Whether more bits were used than there are. */
static bool is_overrun(const struct inflater *z)
{
	return z->in_over && z->in - z->count / 8 > z->in_end;
}

static inline uint64_t load64(const uint8_t *from)
{
	uint64_t value;
	memcpy(&value, from, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	return value;
}

/* At least 56 bits; what is above `count` of them is right too, so that the same bytes may be added again. */
#define REFILL(in, bits, count)                                                                                        \
	do {                                                                                                           \
		(bits) |= load64(in) << (count);                                                                       \
		(in) += (63 - (count)) >> 3;                                                                           \
		(count) |= 56;                                                                                         \
	} while (0)

#define DROP(n, bits, count)                                                                                           \
	do {                                                                                                           \
		unsigned dropped = (n)&0xff;                                                                           \
		(bits) >>= dropped;                                                                                    \
		(count) -= dropped;                                                                                    \
	} while (0)

static unsigned take_bits(struct inflater *z, unsigned n)
{
	if (z->in > z->in_limit)
		next_piece(z);
	REFILL(z->in, z->bits, z->count);
	unsigned value = (unsigned)(z->bits & ((1u << n) - 1));
	DROP(n, z->bits, z->count);
	return value;
}

/* Gives whole bytes back: from here on the input is bytes. */
static void to_bytes(struct inflater *z)
{
	z->in -= z->count / 8;
	z->bits = 0;
	z->count = 0;
}

/* -1 at the end. */
static int take_byte(struct inflater *z)
{
	if (z->in > z->in_limit)
		next_piece(z);
	return z->in < z->in_end ? *z->in++ : -1;
}

/* --- output ------------------------------------------------------------------------------------------------------ */

static void flush(struct inflater *z)
{
	size_t length = (size_t)(z->out - z->start);
	uint64_t window = z->flushed + length < WINDOW_BYTES ? z->flushed + length : WINDOW_BYTES;
	uint8_t *before = z->out - window;
	uint8_t copy[WINDOW_BYTES];
	memcpy(copy, before, window);
	z->flushed += length;
	z->start = z->output.flush(z->output.context, z->start, length);
	z->out = z->start;
	z->out_limit = z->start + PIECE_BYTES;
	memcpy(z->out - window, copy, window);
}

static uint64_t written(const struct inflater *z)
{
	return z->flushed + (uint64_t)(z->out - z->start);
}

static inline void copy_match(uint8_t *out, size_t offset, size_t length)
{
	const uint8_t *from = out - offset;
	uint8_t *end = out + length;
	if (offset >= 16) {
		do {
			memcpy(out, from, 16);
			out += 16;
			from += 16;
		} while (out < end);
	} else if (offset >= 8) {
		do {
			memcpy(out, from, 8);
			out += 8;
			from += 8;
		} while (out < end);
	} else if (offset == 1) {
		memset(out, *from, length);
	} else {
		do
			*out++ = *from++;
		while (out < end);
	}
}

/* --- blocks ------------------------------------------------------------------------------------------------------ */

static const char *stored_block(struct inflater *z)
{
	to_bytes(z);
	int header[4];
	for (int i = 0; i < 4; i++)
		if ((header[i] = take_byte(z)) < 0)
			return "it is cut short";
	size_t length = (size_t)header[0] | (size_t)header[1] << 8;
	if (length != (~((size_t)header[2] | (size_t)header[3] << 8) & 0xffff))
		return "a stored block's length does not match";
	while (length > 0) {
		if (z->in > z->in_limit)
			next_piece(z);
		size_t take = (size_t)(z->in_end - z->in);
		if (take == 0)
			return "it is cut short";
		take = take < length ? take : length;
		size_t room = (size_t)(z->out_limit - z->out);
		take = take < room ? take : room;
		memcpy(z->out, z->in, take);
		z->in += take;
		z->out += take;
		length -= take;
		if (z->out >= z->out_limit)
			flush(z);
	}
	return NULL;
}

#define FIRST(table, table_bits, bits) ((table)[(bits) & ((1u << (table_bits)) - 1)])
#define SECOND(table, entry, bits) ((table)[((entry) >> 16) + ((bits) & ((1u << ((entry) >> 8 & 15)) - 1))])
/* The value of an entry and of its extra bits, which are the last of those it takes. */
#define VALUE(entry, saved) (((entry) >> 16) + (((saved) & ((1ull << ((entry)&0xff)) - 1)) >> ((entry) >> 8 & 15)))

/*
 * State in variables, not in `z`: the compiler must take every byte written to the output for a write to the structure.
 * Returns at the end of the block, when input or output need a hand (`*again`), or with what is wrong.
 */
static const char *decode(struct inflater *z, bool *again)
{
	const uint32_t *const litlen = z->litlen, *const offsets = z->offset;
	const uint8_t *in = z->in, *const in_limit = z->in_limit;
	uint8_t *out = z->out, *const out_limit = z->out_limit;
	const uint64_t before = z->flushed - z->member_start - (uint64_t)(uintptr_t)z->start;
	uint64_t bits = z->bits;
	unsigned count = z->count;
	const char *wrong = NULL;

	*again = true;
	while (in <= in_limit && out < out_limit) {
		REFILL(in, bits, count);
		uint32_t entry = FIRST(litlen, LITLEN_BITS, bits);
		/* Three literals of the first level take 33 of 56 bits. */
		if ((entry & ENTRY_LITERAL) != 0) {
			DROP(entry, bits, count);
			*out++ = (uint8_t)(entry >> 16);
			entry = FIRST(litlen, LITLEN_BITS, bits);
			if ((entry & ENTRY_LITERAL) != 0) {
				DROP(entry, bits, count);
				*out++ = (uint8_t)(entry >> 16);
				entry = FIRST(litlen, LITLEN_BITS, bits);
				if ((entry & ENTRY_LITERAL) != 0) {
					DROP(entry, bits, count);
					*out++ = (uint8_t)(entry >> 16);
					continue;
				}
			}
			REFILL(in, bits, count);
		}
		if ((entry & ENTRY_SUBTABLE) != 0) {
			DROP(LITLEN_BITS, bits, count);
			entry = SECOND(litlen, entry, bits);
		}
		uint64_t saved = bits;
		DROP(entry, bits, count);
		if ((entry & ENTRY_LITERAL) != 0) {
			*out++ = (uint8_t)(entry >> 16);
			continue;
		}
		if ((entry & (ENTRY_END | ENTRY_INVALID)) != 0) {
			*again = false;
			wrong = (entry & ENTRY_END) != 0 ? NULL : "it has an invalid code";
			break;
		}
		size_t length = VALUE(entry, saved);

		/* 56 bits less 20 of a length leave 36 for an offset's 28. */
		entry = FIRST(offsets, OFFSET_BITS, bits);
		if ((entry & ENTRY_SUBTABLE) != 0) {
			DROP(OFFSET_BITS, bits, count);
			entry = SECOND(offsets, entry, bits);
		}
		saved = bits;
		DROP(entry, bits, count);
		size_t offset = VALUE(entry, saved);
		if ((entry & ENTRY_INVALID) != 0 || offset > before + (uint64_t)(uintptr_t)out) {
			*again = false;
			wrong = "it refers to what is before its start";
			break;
		}
		copy_match(out, offset, length);
		out += length;
	}
	z->in = (uint8_t *)in;
	z->out = out;
	z->bits = bits;
	z->count = count;
	return wrong;
}

static const char *coded_block(struct inflater *z)
{
	for (bool again = true; again;) {
		if (z->in > z->in_limit) {
			if (is_overrun(z))
				return "it is cut short";
			next_piece(z);
		}
		if (z->out >= z->out_limit)
			flush(z);
		const char *wrong = decode(z, &again);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

static bool build_tables(struct inflater *z, const uint8_t *lengths, unsigned literals, unsigned offsets)
{
	uint32_t symbols[288];
	for (unsigned i = 0; i < 256; i++)
		symbols[i] = ENTRY_LITERAL | i << 16;
	symbols[256] = ENTRY_END;
	memcpy(symbols + 257, length_symbols, sizeof(length_symbols));
	return lengths[256] != 0 && huffman_build(z->litlen, LITLEN_BITS, lengths, literals, symbols, true) &&
	       huffman_build(z->offset, OFFSET_BITS, lengths + literals, offsets, offset_symbols, true);
}

static bool fixed_tables(struct inflater *z)
{
	uint8_t lengths[288 + 32];
	memset(lengths, 8, 144);
	memset(lengths + 144, 9, 112);
	memset(lengths + 256, 7, 24);
	memset(lengths + 280, 8, 8);
	memset(lengths + 288, 5, 32);
	return build_tables(z, lengths, 288, 32);
}

static bool read_precode(struct inflater *z, unsigned count)
{
	static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	uint8_t lengths[19] = {0};
	uint32_t symbols[19];
	for (unsigned i = 0; i < count; i++)
		lengths[order[i]] = (uint8_t)take_bits(z, 3);
	for (unsigned i = 0; i < 19; i++)
		symbols[i] = i << 16;
	return huffman_build(z->precode, PRECODE_BITS, lengths, 19, symbols, false);
}

static const char *dynamic_tables(struct inflater *z)
{
	unsigned literals = take_bits(z, 5) + 257, offsets = take_bits(z, 5) + 1;
	unsigned precodes = take_bits(z, 4) + 4;
	uint8_t lengths[288 + 32] = {0};
	if (literals > 286 || offsets > 30)
		return "it has too many codes";
	if (!read_precode(z, precodes))
		return "its codes have no code";
	for (unsigned have = 0; have < literals + offsets;) {
		if (is_overrun(z))
			return "it is cut short";
		if (z->in > z->in_limit)
			next_piece(z);
		REFILL(z->in, z->bits, z->count);
		uint32_t entry = z->precode[z->bits & ((1u << PRECODE_BITS) - 1)];
		DROP(entry, z->bits, z->count);
		unsigned symbol = entry >> 16;
		if (symbol < 16) {
			lengths[have++] = (uint8_t)symbol;
			continue;
		}
		if (symbol == 16 && have == 0)
			return "it repeats a code's length before the first";
		unsigned repeat = symbol == 16   ? 3 + take_bits(z, 2)
				  : symbol == 17 ? 3 + take_bits(z, 3)
						 : 11 + take_bits(z, 7);
		if (have + repeat > literals + offsets)
			return "it has more code lengths than codes";
		memset(lengths + have, symbol == 16 ? lengths[have - 1] : 0, repeat);
		have += repeat;
	}
	return build_tables(z, lengths, literals, offsets) ? NULL : "its codes are none";
}

static const char *inflate_member(struct inflater *z)
{
	for (bool last = false; !last;) {
		last = take_bits(z, 1) != 0;
		const char *wrong = NULL;
		switch (take_bits(z, 2)) {
		case 0:
			wrong = stored_block(z);
			break;
		case 1:
			wrong = fixed_tables(z) ? coded_block(z) : "its codes are none";
			break;
		case 2:
			wrong = dynamic_tables(z);
			if (wrong == NULL)
				wrong = coded_block(z);
			break;
		default:
			wrong = "it has a block of unknown type";
		}
		if (wrong == NULL && is_overrun(z))
			wrong = "it is cut short";
		if (wrong != NULL)
			return wrong;
	}
	to_bytes(z);
	return NULL;
}

/* --- members ----------------------------------------------------------------------------------------------------- */

enum { FLAG_HEADER_CRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16 };

static bool skip_bytes(struct inflater *z, unsigned count)
{
	for (; count > 0; count--)
		if (take_byte(z) < 0)
			return false;
	return true;
}

static bool skip_text(struct inflater *z)
{
	int byte;
	while ((byte = take_byte(z)) > 0)
		;
	return byte == 0;
}

/* The two magic bytes are read. */
static const char *member_header(struct inflater *z)
{
	int method = take_byte(z), flags = take_byte(z);
	if (method != 8 || flags < 0)
		return "it is compressed by an unknown method";
	bool whole = skip_bytes(z, 6);
	if (whole && (flags & FLAG_EXTRA) != 0) {
		int low = take_byte(z), high = take_byte(z);
		whole = high >= 0 && skip_bytes(z, (unsigned)low | (unsigned)high << 8);
	}
	if (whole && (flags & FLAG_NAME) != 0)
		whole = skip_text(z);
	if (whole && (flags & FLAG_COMMENT) != 0)
		whole = skip_text(z);
	if (whole && (flags & FLAG_HEADER_CRC) != 0)
		whole = skip_bytes(z, 2);
	return whole ? NULL : "it is cut short";
}

/* The CRC is not checked here: the caller checks the SHA-256 of all the bytes. */
static const char *member_trailer(struct inflater *z)
{
	uint32_t size = 0;
	if (!skip_bytes(z, 4))
		return "it is cut short";
	for (int i = 0; i < 4; i++) {
		int byte = take_byte(z);
		if (byte < 0)
			return "it is cut short";
		size |= (uint32_t)byte << (8 * i);
	}
	return size == (uint32_t)(written(z) - z->member_start) ? NULL : "it has not the length it says";
}

const char *gunzip(struct input input, struct output output, uint8_t *first, size_t first_length)
{
	static struct inflater inflater;
	struct inflater *z = &inflater;
	*z = (struct inflater){.input = input, .output = output};
	static const uint8_t nothing[HELD];
	use_piece(z, first, first_length, nothing, 0);
	z->start = z->out = output.flush(output.context, NULL, 0);
	z->out_limit = z->start + PIECE_BYTES;
	const char *wrong = NULL;
	for (bool any = false; wrong == NULL; any = true) {
		int magic = take_byte(z);
		/* Zeros and other bytes behind the last member are left there by tapes and old tools. */
		if (magic != 0x1f || take_byte(z) != 0x8b) {
			wrong = any ? NULL : "it is no gzip";
			break;
		}
		z->member_start = written(z);
		wrong = member_header(z);
		if (wrong == NULL)
			wrong = inflate_member(z);
		if (wrong == NULL)
			wrong = member_trailer(z);
	}
	output.flush(output.context, z->start, (size_t)(z->out - z->start));
	return wrong;
}
