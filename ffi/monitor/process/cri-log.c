#include "cri-log.h"

#include <string.h>
#include <time.h>

size_t cri_split(const uint8_t *data, size_t length, bool end, struct cri_piece pieces[CRI_PIECES_MAX], int *count)
{
	size_t at = 0;
	*count = 0;
	while (at < length && *count < CRI_PIECES_MAX) {
		size_t left = length - at;
		size_t window = left < CRI_LINE_MAX + 1 ? left : CRI_LINE_MAX + 1;
		const uint8_t *newline = memchr(data + at, '\n', window);
		struct cri_piece *piece = &pieces[*count];
		*piece = (struct cri_piece){.data = data + at};
		if (newline != NULL) {
			piece->length = (size_t)(newline - (data + at));
			at += piece->length + 1;
		} else if (left > CRI_LINE_MAX) {
			/* Only once a further byte is there: a line of exactly the limit is whole. */
			piece->length = CRI_LINE_MAX;
			piece->partial = true;
			at += CRI_LINE_MAX;
		} else if (end) {
			/* Not a whole line: a reader must not add the newline that was never written. */
			piece->length = left;
			piece->partial = true;
			at += left;
		} else {
			break;
		}
		(*count)++;
	}
	return at;
}

static void digits(char *into, int width, uint64_t value)
{
	while (width-- > 0) {
		into[width] = (char)('0' + value % 10);
		value /= 10;
	}
}

void cri_prefix(char into[CRI_PREFIX_SIZE], int64_t seconds, int64_t nanoseconds, int stream, bool partial)
{
	time_t when = seconds;
	struct tm utc;
	gmtime_r(&when, &utc);
	memcpy(into, "0000-00-00T00:00:00.000000000Z stdout F ", CRI_PREFIX_SIZE);
	digits(into, 4, (uint64_t)utc.tm_year + 1900);
	digits(into + 5, 2, (uint64_t)utc.tm_mon + 1);
	digits(into + 8, 2, (uint64_t)utc.tm_mday);
	digits(into + 11, 2, (uint64_t)utc.tm_hour);
	digits(into + 14, 2, (uint64_t)utc.tm_min);
	digits(into + 17, 2, (uint64_t)utc.tm_sec);
	digits(into + 20, 9, (uint64_t)nanoseconds);
	if (stream == 2)
		memcpy(into + 31, "stderr", 6);
	into[38] = partial ? 'P' : 'F';
}
