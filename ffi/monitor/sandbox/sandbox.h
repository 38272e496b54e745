#ifndef CRIB_MONITOR_SANDBOX_H
#define CRIB_MONITOR_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "monitor/sandbox/host.h"

/* The pod's own namespaces; descriptors are -1 while there are none. */
struct sandbox {
	struct host *host;
	pid_t init_pid; /* PID 1 of the shared pid namespace, 0 without one */
	int init_pidfd;
	int init_mounts;    /* a mount namespace with a procfs of the shared pid namespace */
	int user_namespace; /* the pod's own */
	uint64_t unshared;  /* namespaces made ahead of SETUP */
	bool set_up;
};

#endif
