#include <string.h>
#include <zstd.h>

#include "bytes.h"

/* 128 MiB, the window that src/layers/layer-limits.ts allows. */
#define WINDOW_LOG_MAX 27

struct sink {
	struct output output;
	uint8_t *buffer;
	size_t used;
};

static void sink_flush(struct sink *sink)
{
	sink->buffer = sink->output.flush(sink->output.context, sink->buffer, sink->used);
	sink->used = 0;
}

/* 0 when the piece ends with a frame, more when it ends within one; an error's code otherwise. */
static size_t decode_piece(ZSTD_DStream *stream, struct sink *sink, const uint8_t *piece, size_t length)
{
	ZSTD_inBuffer in = {.src = piece, .size = length};
	size_t hint = 0;
	for (bool full = false; in.pos < in.size || full;) {
		ZSTD_outBuffer out = {.dst = sink->buffer, .size = PIECE_BYTES, .pos = sink->used};
		hint = ZSTD_decompressStream(stream, &out, &in);
		if (ZSTD_isError(hint))
			return hint;
		sink->used = out.pos;
		full = out.pos == out.size;
		if (full)
			sink_flush(sink);
	}
	return hint;
}

const char *unzstd(struct input input, struct output output, uint8_t *first, size_t first_length)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	if (stream == NULL || ZSTD_isError(ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
		return "there is no memory for it";
	struct sink sink = {.output = output};
	sink_flush(&sink);
	uint8_t *piece = first;
	size_t length = first_length, result;
	do
		result = decode_piece(stream, &sink, piece, length);
	while (!ZSTD_isError(result) && input.next(input.context, &piece, &length));
	sink_flush(&sink);
	ZSTD_freeDStream(stream);
	if (ZSTD_isError(result))
		return ZSTD_getErrorName(result);
	return result == 0 ? NULL : "it is cut short";
}

const char *copy_plain(struct input input, struct output output, uint8_t *first, size_t first_length)
{
	uint8_t *buffer = output.flush(output.context, NULL, 0), *piece = first;
	size_t length = first_length;
	do {
		memcpy(buffer, piece, length);
		buffer = output.flush(output.context, buffer, length);
	} while (input.next(input.context, &piece, &length));
	return NULL;
}
