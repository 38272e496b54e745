#ifndef CRIB_MONITOR_OWN_DESCRIPTORS_H
#define CRIB_MONITOR_OWN_DESCRIPTORS_H

#include "monitor/whole/monitor.h"

/* What every executable opens anew: epoll, signals, timers. */
int open_own(struct monitor *monitor);
/* After a renewal. */
void fill_places(void);

#endif
