#ifndef CRIB_MONITOR_OOM_H
#define CRIB_MONITOR_OOM_H

#include <stdbool.h>

#include "monitor/sandbox/host.h"

/* Whether the cgroup file `file`, which may be NULL, tells of a process killed for lack of memory. */
bool oom_was_killed(const struct host *host, const char *file);

#endif
