#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

void relay_watch(const struct relay *relay, struct pollfd *watched)
{
	bool waiting = relay->length > 0;
	watched->fd = waiting ? relay->to : relay->from;
	watched->events = waiting ? POLLOUT : POLLIN;
	watched->revents = 0;
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

bool relay_move(struct relay *relay)
{
	if (relay->from < 0 && relay->length == 0)
		return false;
	if (relay->length == 0) {
		ssize_t got = read(relay->from, relay->bytes, sizeof(relay->bytes));
		if (got < 0 && would_block())
			return true;
		if (got <= 0) {
			relay->from = -1;
			return false;
		}
		relay->at = 0;
		relay->length = (size_t)got;
	}
	ssize_t put = write(relay->to, relay->bytes + relay->at, relay->length);
	if (put < 0 && would_block())
		return true;
	/* Who does not want it any more: the rest is read and dropped. */
	size_t done = put < 0 ? relay->length : (size_t)put;
	relay->at += done;
	relay->length -= done;
	return true;
}
