#ifndef CRIB_MONITOR_REPORT_H
#define CRIB_MONITOR_REPORT_H

#include "monitor/process/process.h"

/* What a stage tells of its launch. */
void report_ready(struct source *source, uint32_t events);
/* Reads what starting processes said: one may have handed its plan on to a process that is not known yet. */
void report_poll(const struct processes *processes);
/* Reads what a dead process's init stage said: afterwards it ran, or it never did. */
void report_settle(struct process *process);
/* The same without a conclusion. */
void report_end(struct process *process);
/*
 * A message of the last process or of its stage, which must not be believed: it is a failure or nothing. True when the
 * pipe has ended, which cannot be feigned.
 */
bool report_take_error(struct process *process);

#endif
