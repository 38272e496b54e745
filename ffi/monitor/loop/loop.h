#ifndef CRIB_MONITOR_LOOP_H
#define CRIB_MONITOR_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One pod's monitor is a single thread around one epoll. Everything in it is small and never blocks: the workload must
 * not notice a slow or dead daemon, and the daemon must not notice a slow workload.
 */
struct loop {
	int epoll;
	struct source *owed; /* what the kernel had no memory to watch */
	uint64_t wake_ms;    /* see loop_wake_at; 0: nobody asked */
	bool ended;
};

/* What epoll watches. `ready` may free the structure it is embedded in: the loop takes one event at a time. */
struct source {
	int fd; /* -1: not watched, nothing open */
	uint32_t events;
	void (*ready)(struct source *source, uint32_t events);
	struct loop *loop;
	/* What the kernel had no memory to watch for is tried again; see source_set. */
	uint32_t wanted;
	bool owed;
	struct source *next_owed;
};

int source_watch(struct loop *loop, struct source *source, int fd, uint32_t events,
		 void (*ready)(struct source *, uint32_t));
/* Not watched for anything yet. */
void source_hold(struct loop *loop, struct source *source, int fd, void (*ready)(struct source *, uint32_t));
/*
 * Sets what is watched for, nothing included. A kernel that has no memory for it is asked again until it has: a source
 * that nobody watches would hold up whoever is behind it for ever.
 */
void source_set(struct source *source, uint32_t events);
/* Stops watching and closes. */
void source_close(struct source *source);

/* Until loop_end. `after` is called after each event, and when a time has come that was asked for. */
void loop_run(struct loop *loop, void (*after)(struct loop *loop));
/* The loop does not wait beyond this time of monotonic_ms(), once. */
void loop_wake_at(struct loop *loop, uint64_t ms);
/* Once this event has been dealt with. */
void loop_end(struct loop *loop);

#endif
