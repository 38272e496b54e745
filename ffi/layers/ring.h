/*
 * A bounded ring of buffers between two threads. Each buffer has room before its content, for what a neighbour must
 * stay beside: the inflater's window, or the end of a piece of input that was cut within a symbol.
 */
#ifndef CRIB_RING_H
#define CRIB_RING_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_SLOTS 4

struct ring_slot {
	uint8_t *data;
	size_t length;
};

struct ring {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	unsigned filled;
	unsigned taken;
	bool ended;
	struct ring_slot slots[RING_SLOTS];
};

/* `headroom` bytes before and `tailroom` after the `capacity` of each buffer. Returns 0 or -ENOMEM. */
int ring_init(struct ring *ring, size_t headroom, size_t capacity, size_t tailroom);
/* The next empty buffer; waits for one. */
struct ring_slot *ring_empty(struct ring *ring);
/* Hands the buffer that ring_empty gave to the other side. */
void ring_fill(struct ring *ring);
/* No more will be filled. */
void ring_end(struct ring *ring);
/* The oldest filled buffer, or NULL when the other side has ended; waits. */
struct ring_slot *ring_full(struct ring *ring);
/* Gives the buffer that ring_full gave back. */
void ring_drain(struct ring *ring);

#endif
