#include "arena.h"

#include <sys/mman.h>

#define CHUNK ((size_t)1 << 20)
#define ALIGNMENT ((size_t)16)

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	size_t used;
};

static size_t aligned(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

void *arena_take(struct arena *arena, size_t size)
{
	size_t header = aligned(sizeof(struct arena_chunk));
	size_t wanted = aligned(size);
	struct arena_chunk *chunk = arena->chunks;
	if (chunk == NULL || chunk->size - chunk->used < wanted) {
		size_t length = header + wanted > CHUNK ? header + wanted : CHUNK;
		chunk = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (chunk == MAP_FAILED)
			return NULL;
		*chunk = (struct arena_chunk){.next = arena->chunks, .size = length, .used = header};
		arena->chunks = chunk;
	}
	void *taken = (char *)chunk + chunk->used;
	chunk->used += wanted;
	return taken;
}

void arena_free(struct arena *arena)
{
	while (arena->chunks != NULL) {
		struct arena_chunk *chunk = arena->chunks;
		arena->chunks = chunk->next;
		munmap(chunk, chunk->size);
	}
}
