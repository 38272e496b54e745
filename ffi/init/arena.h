#ifndef CRIB_INIT_ARENA_H
#define CRIB_INIT_ARENA_H

#include <stddef.h>

/*
 * Memory of a step that needs more than the stack: libc's own is not to be used once a stage has left the monitor's
 * (clean-memory.c). All of it is given back at once.
 */
struct arena {
	struct arena_chunk *chunks;
};

/* Zeroed, aligned for any type; NULL without memory. */
void *arena_take(struct arena *arena, size_t size);
void arena_free(struct arena *arena);

#endif
