/* Where a decoder's bytes come from and go to. The buffers are lent; both callbacks may wait. */
#ifndef CRIB_BYTES_H
#define CRIB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a decoder may read behind the end of a piece, and what it keeps of the one before in front of it. */
#define INPUT_SLACK 64
/* The window of deflate, RFC 1951: kept in front of every output buffer. */
#define WINDOW_BYTES 32768
/* A decoder may write this much behind the end of what it counts. */
#define OUTPUT_SLACK 512
#define PIECE_BYTES (256 * 1024)

struct input {
	/* The next piece: its start and length; false at the end of the blob. INPUT_SLACK bytes before and behind are
	 * the reader's to use. The piece before is given back with this call. */
	bool (*next)(void *context, uint8_t **piece, size_t *length);
	void *context;
};

struct output {
	/* Takes `length` bytes from `buffer` and gives another, with WINDOW_BYTES of room before PIECE_BYTES +
	 * OUTPUT_SLACK. The first call has no buffer. */
	uint8_t *(*flush)(void *context, uint8_t *buffer, size_t length);
	void *context;
};

/* NULL, or what is wrong with the input. */
const char *gunzip(struct input input, struct output output, uint8_t *first, size_t first_length);
const char *unzstd(struct input input, struct output output, uint8_t *first, size_t first_length);
const char *copy_plain(struct input input, struct output output, uint8_t *first, size_t first_length);

#endif
