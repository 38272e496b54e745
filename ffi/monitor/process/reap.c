#include "monitor/process/reap.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "monitor/process/birth.h"
#include "monitor/process/lifecycle.h"
#include "monitor/process/report.h"
#include "monitor/sandbox/pid-init.h"

static void reaped(struct processes *processes, struct sandbox *sandbox, const siginfo_t *info)
{
	bool exited = info->si_code == CLD_EXITED;
	int signal_number = exited ? 0 : info->si_status;
	int code = exited ? info->si_status : 128 + signal_number;
	if (info->si_pid == sandbox->init_pid) {
		pid_init_gone(sandbox);
		return;
	}
	/* Anything else is an orphan of a container in the host's pid namespace, which came to us as the subreaper. */
	struct process *process = process_by_pid(processes, info->si_pid);
	/* It may be one that a starting process handed its plan to, or that has handed it on. */
	if (process == NULL || process->state == PROCESS_STARTING) {
		report_poll(processes);
		process = process_by_pid(processes, info->si_pid);
	}
	/* Of an entering launch either of the two may be first, its stage or who was born last. */
	if (process == NULL) {
		process = birth_of(processes, info->si_pid);
		if (process != NULL)
			birth_take_over(process, true);
	} else if (process_born(process) != 0) {
		birth_take_over(process, false);
		return;
	}
	if (process != NULL)
		process_exited(process, code, signal_number);
}

void reap_all(struct processes *processes, struct sandbox *sandbox)
{
	for (;;) {
		siginfo_t info;
		memset(&info, 0, sizeof(info));
		int waited = waitid(P_ALL, 0, &info, WEXITED | WNOHANG);
		if (waited < 0 && errno == EINTR)
			continue;
		if (waited < 0 || info.si_pid == 0)
			break;
		reaped(processes, sandbox, &info);
	}
}
