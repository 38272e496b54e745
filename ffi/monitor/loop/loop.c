#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "monitor/monitor.h"

struct monitor monitor = {
	.host_root = -1,
	.host_mounts = -1,
	.procfs = -1,
	.init_pidfd = -1,
	.init_mounts = -1,
	.user_namespace = -1,
	.inherited_oom_score = INT32_MIN,
	.renewal = {.executable = -1},
};

int source_watch(struct source *source, int fd, uint32_t events, void (*ready)(struct source *, uint32_t))
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	if (epoll_ctl(monitor.epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	*source = (struct source){.fd = fd, .events = events, .ready = ready};
	return 0;
}

/* Sources that the kernel had no memory to watch. */
static struct source *owed;

#define RETRY_MS 50

static void forget_owed(struct source *source)
{
	if (!source->owed)
		return;
	struct source **link = &owed;
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
	source->next_owed = owed;
	owed = source;
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
	if (epoll_ctl(monitor.epoll, operation, source->fd, &event) == 0)
		source->events = events;
	else
		owe(source, events);
}

static void retry_owed(void)
{
	struct source *next;
	for (struct source *source = owed; source != NULL; source = next) {
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
		epoll_ctl(monitor.epoll, EPOLL_CTL_DEL, source->fd, NULL);
	close(source->fd);
	source->fd = -1;
}

/* 0: nobody asked. */
static uint64_t wake_ms;

void loop_wake_at(uint64_t ms)
{
	if (wake_ms == 0 || ms < wake_ms)
		wake_ms = ms;
}

/* In milliseconds, as epoll_wait has it. */
static int patience(void)
{
	if (owed != NULL)
		return RETRY_MS;
	if (wake_ms == 0)
		return -1;
	uint64_t now = monotonic_ms();
	return now >= wake_ms ? 0 : (int)(wake_ms - now);
}

/*
 * One event a turn. A handler may close and free any source, this one too, and no event of it can be left over in a
 * batch. The kernel keeps ready descriptors in a ring, so none of them starves.
 */
_Noreturn void loop_run(void (*after)(void))
{
	for (;;) {
		struct epoll_event event;
		int count = epoll_wait(monitor.epoll, &event, 1, patience());
		retry_owed();
		wake_ms = 0;
		if (count == 1) {
			struct source *source = event.data.ptr;
			source->ready(source, event.events);
		}
		after();
	}
}

uint64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
