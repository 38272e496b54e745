#ifndef CRIB_MONITOR_PID_INIT_H
#define CRIB_MONITOR_PID_INIT_H

#include "monitor/sandbox/sandbox.h"
#include "wire/failure.h"

/* PID 1 of a shared pid namespace. */

/*
 * Gives up the root, in a mount namespace of its own, and ends with the monitor. `with_procfs`: that namespace has a
 * procfs of the pid namespace as /proc until pid_init_run, for the monitor to keep; see pid-procfs.h.
 */
int pid_init_leave_host(int monitor_pidfd, bool with_procfs);
/*
 * Gives up all capabilities and only reaps, once it has written the int 0, or -errno and dies, to `channel`: only then
 * may others be let in.
 */
_Noreturn void pid_init_run(int channel, bool with_procfs);
/* In the monitor: what it says on `channel`, 0 or -errno. */
int pid_init_wait(int channel, struct failure *failure);
int pid_init_keep_procfs(struct sandbox *sandbox, bool with_procfs, struct failure *failure);
/* It was reaped. */
void pid_init_gone(struct sandbox *sandbox);

#endif
