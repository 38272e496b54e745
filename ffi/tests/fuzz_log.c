#include <stdlib.h>
#include <string.h>

#include "monitor/process/cri-log.h"

/*
 * Splitting of output into log lines, fed in pieces of every size as reads of a pipe are. Put together again, what
 * comes out must be what went in: no byte lost, invented or moved, no line over the limit. The first byte chooses how
 * far the lines are stretched (real ones have to pass 16 KiB to be cut), the second how much is read at a time.
 */

#define STRETCH_MAX 40000
#define TEXT_MAX (1u << 17)

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Every byte stands for itself, but 0xff for a run of x: a corpus of a few bytes makes lines of any length. */
static size_t stretch(const uint8_t *bytes, size_t length, uint32_t run, uint8_t *text)
{
	size_t at = 0;
	for (size_t i = 0; i < length; i++) {
		size_t count = bytes[i] == 0xff ? run : 1;
		if (at + count > TEXT_MAX)
			break;
		memset(text + at, bytes[i] == 0xff ? 'x' : bytes[i], count);
		at += count;
	}
	return at;
}

static size_t put_back(uint8_t *back, size_t at, const struct cri_piece *piece)
{
	require(piece->length <= CRI_LINE_MAX && memchr(piece->data, '\n', piece->length) == NULL);
	if (piece->length > 0)
		memcpy(back + at, piece->data, piece->length);
	at += piece->length;
	if (!piece->partial)
		back[at++] = '\n';
	return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static uint8_t text[TEXT_MAX];
	static uint8_t back[TEXT_MAX + 1];
	static struct cri_piece pieces[CRI_PIECES_MAX];
	if (length < 4)
		return 0;
	size_t total = stretch(bytes + 4, length - 4, (uint32_t)(bytes[0] | bytes[1] << 8) % STRETCH_MAX, text);
	/* A long text in single bytes would be copied a thousand times over. */
	size_t step = (size_t)(bytes[2] | bytes[3] << 8) + 1 + total / 64;
	size_t done = 0;
	size_t put = 0;
	size_t seen = 0;
	while (done < total || seen < total) {
		bool end = seen == total;
		seen = seen + step < total ? seen + step : total;
		int count;
		do {
			/* A copy of the exact size: a byte too far is outside of it. */
			size_t left = seen - done;
			uint8_t *window = malloc(left + 1);
			require(window != NULL);
			memcpy(window, text + done, left);
			size_t used = cri_split(window, left, end, pieces, &count);
			require(used <= left && count >= 0 && count <= CRI_PIECES_MAX);
			size_t before = put;
			for (int i = 0; i < count; i++)
				put = put_back(back, put, &pieces[i]);
			require(put - before == used);
			free(window);
			done += used;
		} while (count == CRI_PIECES_MAX);
		/* What is kept aside is less than a line: nothing else would bound the monitor's memory. */
		require(seen - done <= CRI_LINE_MAX);
		require(!end || done == total);
	}
	require(put == total && memcmp(text, back, total) == 0);

	char prefix[CRI_PREFIX_SIZE + 1];
	int64_t seconds;
	memcpy(&seconds, bytes, length < sizeof(seconds) ? 4 : sizeof(seconds));
	seconds = length < sizeof(seconds) ? 0 : seconds & 0x3fffffffff; /* until the year 9999 or so, and past it */
	cri_prefix(prefix, seconds, bytes[0] * 3906250, 1 + bytes[1] % 2, bytes[2] % 2 == 0);
	require(prefix[CRI_PREFIX_SIZE - 1] == ' ' && prefix[29] == 'Z');
	return 0;
}
