#ifndef CRIB_INIT_RELAY_H
#define CRIB_INIT_RELAY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes on their way from one descriptor to another, neither of which may hold up the other way or an answer. */
struct relay {
	int from; /* -1: has ended, or there is none */
	int to;
	uint8_t bytes[16384];
	size_t at;
	size_t length;
};

struct pollfd;

/* What is to be watched: POLLIN of `from` while nothing waits, POLLOUT of `to` otherwise. */
void relay_watch(const struct relay *relay, struct pollfd *watched);
/* Moves what can be moved now. False once `from` has ended and all is written; `from` is then -1. */
bool relay_move(struct relay *relay);

#endif
