#ifndef CRIB_MONITOR_CRI_LOG_H
#define CRIB_MONITOR_CRI_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The CRI's log file: `<RFC 3339 time with nanoseconds, UTC> stdout|stderr F|P <line>\n`. A line longer than
 * CRI_LINE_MAX is cut into pieces: P for all but the last, F for the last.
 */
#define CRI_LINE_MAX 16384u
#define CRI_PIECES_MAX 128
/* "2006-01-02T15:04:05.000000000Z stdout F " */
#define CRI_PREFIX_SIZE 40

struct cri_piece {
	const uint8_t *data;
	size_t length; /* without the newline */
	bool partial;
};

/*
 * Splits `data` into whole pieces; returns how many bytes they cover. What is left is an unfinished line (or more, when
 * the pieces ran out: call again). `end` makes the unfinished rest a last line of its own.
 */
size_t cri_split(const uint8_t *data, size_t length, bool end, struct cri_piece pieces[CRI_PIECES_MAX], int *count);

/* Writes the 40 bytes before a line; `stream` is 1 or 2. Not NUL-terminated. */
void cri_prefix(char into[CRI_PREFIX_SIZE], int64_t seconds, int64_t nanoseconds, int stream, bool partial);

#endif
