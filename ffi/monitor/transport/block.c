#include <stdlib.h>

#include "monitor/monitor.h"

/* A frame with as much input as the daemon puts in one, and its beginning. */
#define BLOCK_SIZE (260u << 10)
/* Below this the allocator has memory at hand; above, each block would be mapped, faulted in and unmapped again. */
#define BLOCK_MIN (64u << 10)

/* One is enough: a stream has one payload under way, and the next one comes when that is written. */
static uint8_t *spare;

uint8_t *block_take(size_t *size)
{
	if (*size < BLOCK_MIN || *size > BLOCK_SIZE)
		return malloc(*size);
	*size = BLOCK_SIZE;
	uint8_t *block = spare;
	spare = NULL;
	return block != NULL ? block : malloc(BLOCK_SIZE);
}

void block_give(uint8_t *block, size_t size)
{
	if (size == BLOCK_SIZE && spare == NULL)
		spare = block;
	else
		free(block);
}

void block_forget(void)
{
	free(spare);
	spare = NULL;
}
