#ifndef CRIB_MONITOR_REAP_H
#define CRIB_MONITOR_REAP_H

#include "monitor/process/process.h"

/* Every child that has died. */
void reap_all(struct processes *processes, struct sandbox *sandbox);

#endif
