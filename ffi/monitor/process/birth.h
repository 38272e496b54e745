#ifndef CRIB_MONITOR_BIRTH_H
#define CRIB_MONITOR_BIRTH_H

#include "monitor/process/process.h"

/* A process that its stage let be born inside a pid namespace. */
int birth_note_make(struct process *process);
void birth_note_free(struct process *process);
struct process *birth_of(const struct processes *processes, pid_t pid);
/* From now on `pid` is the last process; `dead` when it has just been reaped. */
void birth_take_over(struct process *process, bool dead);
void birth_hear(struct source *source, uint32_t events);
void birth_look(struct process *process);

#endif
