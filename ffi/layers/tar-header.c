#include "tar-header.h"

#include <string.h>

#include "layers.h"

#define CHECKSUM_AT 148
/* Beyond it TypeScript's numbers are not whole: what one reader takes the other must, too. */
#define SAFE_INTEGER ((INT64_C(1) << 53) - 1)

static int64_t base256(const uint8_t *field, size_t length, const char *what)
{
	/* Two's complement over all bits but the first. */
	bool negative = (field[0] & 0x40) != 0;
	__int128 value = (field[0] & 0x3f) - (negative ? 64 : 0);
	for (size_t i = 1; i < length; i++) {
		value = value * 256 + field[i];
		if (value > SAFE_INTEGER || value < -SAFE_INTEGER)
			job_fail(FAILED_DAMAGED, "%s in a header is out of range", what);
	}
	return (int64_t)value;
}

static _Noreturn void not_octal(const char *what)
{
	job_fail(FAILED_DAMAGED, "%s in a header is not an octal number", what);
}

/* Octal digits between spaces and NULs, or base 256 with the top bit set. */
static int64_t number(const uint8_t *block, size_t at, size_t length, const char *what)
{
	const uint8_t *field = block + at;
	if ((field[0] & 0x80) != 0)
		return base256(field, length, what);
	size_t i = 0;
	while (i < length && (field[i] == ' ' || field[i] == 0))
		i++;
	int64_t value = 0;
	for (; i < length && field[i] != ' ' && field[i] != 0; i++) {
		if (field[i] < '0' || field[i] > '7')
			not_octal(what);
		value = value * 8 + (field[i] - '0');
	}
	for (; i < length && field[i] != 0; i++)
		if (field[i] != ' ')
			not_octal(what);
	return value;
}

static size_t text(const uint8_t *block, size_t at, size_t length, char *into)
{
	size_t used = strnlen((const char *)block + at, length);
	memcpy(into, block + at, used);
	return used;
}

/* The checksum's own field counts as spaces. Some old archives summed signed bytes. */
static bool is_zero_or_checked(const uint8_t *block)
{
	int64_t sum = 0, high = 0;
	bool zero = true;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		uint8_t byte = i >= CHECKSUM_AT && i < CHECKSUM_AT + 8 ? ' ' : block[i];
		zero = zero && block[i] == 0;
		sum += byte;
		high += byte >> 7;
	}
	if (zero)
		return false;
	int64_t expected = number(block, CHECKSUM_AT, 8, "checksum");
	if (expected != sum && expected != sum - high * 256)
		job_fail(FAILED_DAMAGED, "header checksum does not match");
	return true;
}

bool tar_parse_header(const uint8_t *block, struct header *into)
{
	if (!is_zero_or_checked(block))
		return false;
	bool posix = memcmp(block + 257, "ustar\0", 6) == 0, gnu = memcmp(block + 257, "ustar ", 6) == 0;
	/* star's header is ustar's with a shorter prefix and two times behind it. */
	bool star = posix && memcmp(block + 508, "tar\0", 4) == 0;
	size_t used = posix ? text(block, 345, star ? 131 : 155, into->name) : 0;
	if (used > 0)
		into->name[used++] = '/';
	into->name_length = used + text(block, 0, 100, into->name + used);
	into->link_length = text(block, 157, 100, into->link);
	into->type = block[156] == 0 ? '0' : block[156];
	into->mode = number(block, 100, 8, "mode");
	into->uid = number(block, 108, 8, "uid");
	into->gid = number(block, 116, 8, "gid");
	into->size = number(block, 124, 12, "size");
	into->mtime = number(block, 136, 12, "mtime");
	into->device_major = posix || gnu ? number(block, 329, 8, "device major") : 0;
	into->device_minor = posix || gnu ? number(block, 337, 8, "device minor") : 0;
	return true;
}
