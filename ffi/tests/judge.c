#include "judge.h"

#include <stdint.h>
#include <stdio.h>

#define INPUT_MAX (8u << 20)

/*
 * Judges what TypeScript has written: reads { u32 length, input as in judge.h } from stdin until it ends, and writes a
 * byte for each, 1 for accepted.
 */
int main(void)
{
	uint8_t *input = malloc(INPUT_MAX);
	uint32_t length;
	if (input == NULL)
		return 1;
	while (fread(&length, sizeof(length), 1, stdin) == 1) {
		if (length > INPUT_MAX || fread(input, 1, length, stdin) != length)
			return 1;
		putchar(judge(input, length) ? 1 : 0);
		fflush(stdout);
	}
	free(input);
	return 0;
}
