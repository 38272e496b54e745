#ifndef CRIB_MONITOR_PID_PROCFS_H
#define CRIB_MONITOR_PID_PROCFS_H

#include "monitor/sandbox/sandbox.h"
#include "wire/plan.h"

/*
 * A procfs shows the pid namespace of its maker. Since 6.17 it can be told another. Before, a stage that is not inside
 * clones one that was made inside: by the pod's init, or as the /proc of the container whose namespace it is.
 */
/* 1 or 0; -errno when that could not be found out. */
int pid_procfs_is_needed(const struct host *host);
/* The mount namespace to clone it from, or -1 when there is no need; -errno. */
int pid_procfs_open(const struct sandbox *sandbox, const struct plan *plan);

#endif
