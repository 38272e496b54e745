#include "ring.h"

#include <errno.h>
#include <stdlib.h>

int ring_init(struct ring *ring, size_t headroom, size_t capacity, size_t tailroom)
{
	*ring = (struct ring){.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
	for (unsigned i = 0; i < RING_SLOTS; i++) {
		uint8_t *buffer = malloc(headroom + capacity + tailroom);
		if (buffer == NULL)
			return -ENOMEM;
		ring->slots[i].data = buffer + headroom;
	}
	return 0;
}

struct ring_slot *ring_empty(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	while (ring->filled - ring->taken == RING_SLOTS)
		pthread_cond_wait(&ring->moved, &ring->lock);
	pthread_mutex_unlock(&ring->lock);
	return &ring->slots[ring->filled % RING_SLOTS];
}

void ring_fill(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->filled++;
	pthread_cond_signal(&ring->moved);
	pthread_mutex_unlock(&ring->lock);
}

void ring_end(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->ended = true;
	pthread_cond_signal(&ring->moved);
	pthread_mutex_unlock(&ring->lock);
}

struct ring_slot *ring_full(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	while (ring->filled == ring->taken && !ring->ended)
		pthread_cond_wait(&ring->moved, &ring->lock);
	bool none = ring->filled == ring->taken;
	pthread_mutex_unlock(&ring->lock);
	return none ? NULL : &ring->slots[ring->taken % RING_SLOTS];
}

void ring_drain(struct ring *ring)
{
	pthread_mutex_lock(&ring->lock);
	ring->taken++;
	pthread_cond_signal(&ring->moved);
	pthread_mutex_unlock(&ring->lock);
}
