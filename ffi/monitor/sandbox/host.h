#ifndef CRIB_MONITOR_HOST_H
#define CRIB_MONITOR_HOST_H

#include <stdint.h>
#include <sys/types.h>

/* What is kept of the host. Descriptors. */
struct host {
	int root;                /* O_PATH; what is on the host is opened from here */
	int mounts;              /* its mount namespace, for stages */
	int procfs;              /* mounted nowhere */
	int inherited_oom_score; /* INT32_MIN when nothing was changed */
};

/* Keeps descriptors of what is needed of the host, and gives up its mounts. */
int host_leave(struct host *host);
/* A path of the host, or -errno. `resolve` of struct open_how restricts it further. */
int host_open(const struct host *host, const char *path, int flags, mode_t mode, uint64_t resolve);
/* A descriptor below /proc/PID, or -errno. */
int open_of_process(const struct host *host, pid_t pid, const char *file, int flags);

#endif
