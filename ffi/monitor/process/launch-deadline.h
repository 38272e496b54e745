#ifndef CRIB_MONITOR_LAUNCH_DEADLINE_H
#define CRIB_MONITOR_LAUNCH_DEADLINE_H

#include "monitor/process/process.h"

/* No launch takes longer than this; 0 is the monitor's own choice. */
void launch_deadline_set(struct process *process, uint32_t milliseconds);
/* `source` is the table's `launches`. */
void launch_deadline_tick(struct source *source, uint32_t events);

#endif
