#ifndef CRIB_MONITOR_EXIT_RECORD_H
#define CRIB_MONITOR_EXIT_RECORD_H

#include "monitor/process/process.h"

/* Writes it, or owes it. */
void exit_record_put(struct process *process);
/* Between two events: tries again what is owed, once it is time. */
void exit_records_step(struct processes *processes);
void exit_record_remove(const struct processes *processes, const char *id);

#endif
