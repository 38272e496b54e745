#ifndef CRIB_MONITOR_OUTPUT_H
#define CRIB_MONITOR_OUTPUT_H

#include "monitor/process/process.h"

int output_watch(struct process *process, struct output *output, int fd);
/* Everything readable now, within a bound. */
void output_drain(struct process *process);
/* Output resumes after a client caught up. */
void output_resume(struct processes *processes, const struct connection *connection);
void output_resume_process(struct process *process);
void output_close(struct output *output);
/* Its client wants no more of it, and the process must not notice. */
void output_mute(struct output *output);
/* An exec is gone: after this event, what its output took of the buffer goes back to the kernel. */
void output_stream_ended(void);
/* Between two events, when nothing lies in the buffer. */
void output_give_back(void);

#endif
