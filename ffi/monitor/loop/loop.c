#include "monitor/loop/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "monitor/loop/clock.h"

#define RETRY_MS 50

void source_hold(struct loop *loop, struct source *source, int fd, void (*ready)(struct source *, uint32_t))
{
	*source = (struct source){.fd = fd, .ready = ready, .loop = loop};
}

int source_watch(struct loop *loop, struct source *source, int fd, uint32_t events,
		 void (*ready)(struct source *, uint32_t))
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	source_hold(loop, source, fd, ready);
	source->events = events;
	return 0;
}

static void forget_owed(struct source *source)
{
	if (!source->owed)
		return;
	struct source **link = &source->loop->owed;
	while (*link != source)
		link = &(*link)->next_owed;
	*link = source->next_owed;
	source->owed = false;
}

static void owe(struct source *source, uint32_t events)
{
	source->wanted = events;
	if (source->owed)
		return;
	source->owed = true;
	source->next_owed = source->loop->owed;
	source->loop->owed = source;
}

void source_set(struct source *source, uint32_t events)
{
	if (source->fd < 0)
		return;
	forget_owed(source);
	if (source->events == events)
		return;
	/* A hang-up is reported even to who asks for nothing: not wanting events means leaving the set. */
	int operation = events == 0 ? EPOLL_CTL_DEL : source->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
	struct epoll_event event = {.events = events, .data.ptr = source};
	if (epoll_ctl(source->loop->epoll, operation, source->fd, &event) == 0)
		source->events = events;
	else
		owe(source, events);
}

static void retry_owed(struct loop *loop)
{
	struct source *next;
	for (struct source *source = loop->owed; source != NULL; source = next) {
		next = source->next_owed;
		source_set(source, source->wanted);
	}
}

void source_close(struct source *source)
{
	if (source->fd < 0)
		return;
	forget_owed(source);
	/* Said explicitly: a descriptor that a child still holds for an instant would otherwise go on being reported.
	 */
	if (source->events != 0)
		epoll_ctl(source->loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	close(source->fd);
	source->fd = -1;
}

void loop_wake_at(struct loop *loop, uint64_t ms)
{
	if (loop->wake_ms == 0 || ms < loop->wake_ms)
		loop->wake_ms = ms;
}

/* In milliseconds, as epoll_wait has it. */
static int patience(const struct loop *loop)
{
	if (loop->owed != NULL)
		return RETRY_MS;
	if (loop->wake_ms == 0)
		return -1;
	uint64_t now = monotonic_ms();
	return now >= loop->wake_ms ? 0 : (int)(loop->wake_ms - now);
}

/*
 * One event a turn. A handler may close and free any source, this one too, and no event of it can be left over in a
 * batch. The kernel keeps ready descriptors in a ring, so none of them starves.
 */
void loop_run(struct loop *loop, void (*after)(struct loop *))
{
	while (!loop->ended) {
		struct epoll_event event;
		int count = epoll_wait(loop->epoll, &event, 1, patience(loop));
		retry_owed(loop);
		loop->wake_ms = 0;
		if (count == 1) {
			struct source *source = event.data.ptr;
			source->ready(source, event.events);
		}
		after(loop);
	}
}

void loop_end(struct loop *loop)
{
	loop->ended = true;
}
