#ifndef CRIB_MONITOR_CHILD_H
#define CRIB_MONITOR_CHILD_H

#include "monitor/process/process.h"

/* The child's ends, -1 where there is none; every one of them lies above CHILD_PLACES. */
struct child_ends {
	int stdio[3];
	int errors;
	int report;
	int join;
	int pid_namespace;
	int procfs;
};

/* Descriptors below are a child's; the monitor has its own above, or in places that stay taken. */
#define CHILD_PLACES 11

/* Its number, which is also `process`'s pidfd then, or -errno. */
pid_t child_clone(struct process *process, const struct launch_request *launch, const struct plan *plan,
		  const struct child_ends *ends);
void child_ends_close(const struct child_ends *ends);

#endif
