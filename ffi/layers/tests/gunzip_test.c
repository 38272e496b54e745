/* Everything zlib writes comes back, in pieces of every size; everything it refuses is refused. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../../tests/check.h"
#include "stub.h"

#include "../bytes.h"

#define CONTENT 300000

static uint8_t content[CONTENT], packed[CONTENT + 1000], unpacked[CONTENT + OUTPUT_SLACK];
static size_t packed_length, unpacked_length;

struct source {
	size_t at;
	size_t piece;
	uint8_t bytes[INPUT_SLACK + CONTENT + 1000 + INPUT_SLACK];
};

static bool next_piece(void *context, uint8_t **piece, size_t *length)
{
	struct source *source = context;
	size_t left = packed_length - source->at, take = left < source->piece ? left : source->piece;
	memset(source->bytes, 0xff, INPUT_SLACK);
	memcpy(source->bytes + INPUT_SLACK, packed + source->at, take);
	memset(source->bytes + INPUT_SLACK + take, 0xff, INPUT_SLACK);
	source->at += take;
	*piece = source->bytes + INPUT_SLACK;
	*length = take;
	return take > 0;
}

static uint8_t *take_piece(void *context, uint8_t *buffer, size_t length)
{
	static uint8_t buffers[2][WINDOW_BYTES + PIECE_BYTES + OUTPUT_SLACK];
	static unsigned turn;
	(void)context;
	if (buffer != NULL && unpacked_length + length <= sizeof(unpacked)) {
		memcpy(unpacked + unpacked_length, buffer, length);
		unpacked_length += length;
	}
	return buffers[turn++ % 2] + WINDOW_BYTES;
}

static const char *unpack(size_t piece)
{
	static struct source source;
	source.at = 0;
	source.piece = piece;
	unpacked_length = 0;
	uint8_t *first;
	size_t length;
	if (!next_piece(&source, &first, &length))
		return "empty";
	return gunzip((struct input){next_piece, &source}, (struct output){take_piece, NULL}, first, length);
}

static void pack(size_t length, int level, int strategy)
{
	z_stream stream = {
		.next_in = content, .avail_in = (uInt)length, .next_out = packed, .avail_out = sizeof(packed)};
	CHECK(deflateInit2(&stream, level, Z_DEFLATED, 31, 9, strategy) == Z_OK);
	CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
	packed_length = stream.total_out;
	deflateEnd(&stream);
}

/* Text-like, runs, noise, and distances as long as the window. */
static void fill(int kind)
{
	for (size_t i = 0; i < CONTENT; i++)
		content[i] = kind == 0   ? (uint8_t)("etaoin shrdlu"[random() % 13])
			     : kind == 1 ? (uint8_t)(i / 1000)
			     : kind == 2 ? (uint8_t)random()
					 : (i < 32768 ? (uint8_t)random() : content[i - 32768]);
}

static void comes_back(size_t length, size_t piece)
{
	const char *wrong = unpack(piece);
	CHECK(wrong == NULL);
	CHECK(unpacked_length == length && memcmp(unpacked, content, length) == 0);
}

/* zlib's verdict on the same bytes; it looks at the CRC, which is not asked of the decoder. */
static bool zlib_takes(void)
{
	static uint8_t scratch[CONTENT * 2];
	z_stream stream = {
		.next_in = packed, .avail_in = (uInt)packed_length, .next_out = scratch, .avail_out = sizeof(scratch)};
	inflateInit2(&stream, 31);
	int result = inflate(&stream, Z_FINISH);
	inflateEnd(&stream);
	return result == Z_STREAM_END;
}

int main(void)
{
	static const size_t lengths[] = {0, 1, 2, 257, 258, 259, 32767, 32768, 32769, 262143, 262144, 262145, CONTENT};
	static const size_t pieces[] = {1, 2, 31, 32, 33, 64, 4096, CONTENT + 1000};
	srandom(7);
	for (int kind = 0; kind < 4; kind++) {
		fill(kind);
		for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++)
			for (int level = 0; level <= 9; level += 3)
				for (int strategy = 0; strategy <= 4; strategy++) {
					pack(lengths[l], level, strategy);
					comes_back(lengths[l], pieces[(l + (size_t)level + (size_t)strategy) % 8]);
				}
	}
	for (int kind = 0; kind < 4; kind++) {
		fill(kind);
		pack(20000, 6, 0);
		for (size_t cut = 1; cut < packed_length; cut += 1 + packed_length / 300) {
			size_t whole = packed_length;
			packed_length = cut;
			CHECK(unpack(1000) != NULL);
			packed_length = whole;
		}
		for (int bend = 0; bend < 2000; bend++) {
			size_t at = 10 + (size_t)random() % (packed_length - 18);
			uint8_t was = packed[at];
			packed[at] ^= (uint8_t)(1u << random() % 8);
			/* What zlib takes is the content or caught by its CRC; ours may take what zlib refuses for that
			 * alone. */
			if (zlib_takes())
				CHECK(unpack(777) == NULL);
			else
				unpack(777);
			packed[at] = was;
		}
	}
	puts("ok gunzip");
	return 0;
}
