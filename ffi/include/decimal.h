#ifndef CRIB_DECIMAL_H
#define CRIB_DECIMAL_H

#include <stddef.h>

/*
 * Writes `value` in decimal with a NUL behind it and returns its length, at most 10. Without stdio, which would bring
 * its buffers into a binary that lives in every pod.
 */
static inline size_t decimal_text(unsigned value, char *into)
{
	char digits[10];
	size_t count = 0;
	do
		digits[count++] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	for (size_t i = 0; i < count; i++)
		into[i] = digits[count - 1 - i];
	into[count] = '\0';
	return count;
}

#endif
