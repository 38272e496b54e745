#include "monitor/transport/block.h"

#include <stdlib.h>

/* A frame with as much input as the daemon puts in one, and its beginning. */
#define BLOCK_SIZE (260u << 10)
/* Below this the allocator has memory at hand; above, each block would be mapped, faulted in and unmapped again. */
#define BLOCK_MIN (64u << 10)

uint8_t *block_take(struct blocks *blocks, size_t *size)
{
	if (*size < BLOCK_MIN || *size > BLOCK_SIZE)
		return malloc(*size);
	*size = BLOCK_SIZE;
	uint8_t *block = blocks->spare;
	blocks->spare = NULL;
	return block != NULL ? block : malloc(BLOCK_SIZE);
}

void block_give(struct blocks *blocks, uint8_t *block, size_t size)
{
	if (size == BLOCK_SIZE && blocks->spare == NULL)
		blocks->spare = block;
	else
		free(block);
}

void block_forget(struct blocks *blocks)
{
	free(blocks->spare);
	blocks->spare = NULL;
}
