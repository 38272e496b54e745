#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "monitor/monitor.h"

static void reaped(const siginfo_t *info)
{
	bool exited = info->si_code == CLD_EXITED;
	int signal_number = exited ? 0 : info->si_status;
	int code = exited ? info->si_status : 128 + signal_number;
	if (info->si_pid == monitor.init_pid) {
		monitor.init_pid = 0;
		close_and_clear(&monitor.init_pidfd);
		close_and_clear(&monitor.init_mounts);
		return;
	}
	/* Anything else is an orphan of a container in the host's pid namespace, which came to us as the subreaper. */
	struct process *process = process_by_pid(info->si_pid);
	/* It may be one that a starting process handed its plan to, or that has handed it on. */
	if (process == NULL || process->state == PROCESS_STARTING) {
		report_poll();
		process = process_by_pid(info->si_pid);
	}
	/* Of an entering launch either of the two may be first, its stage or who was born last. */
	if (process == NULL) {
		process = birth_of(info->si_pid);
		if (process != NULL)
			birth_take_over(process, true);
	} else if (birth_pid(process) != 0) {
		birth_take_over(process, false);
		return;
	}
	if (process != NULL)
		process_exited(process, code, signal_number);
}

void reap_ready(struct source *source, uint32_t events)
{
	(void)events;
	/* One signal may stand for any number of children. */
	struct signalfd_siginfo ignored;
	while (read(source->fd, &ignored, sizeof(ignored)) > 0)
		;
	reap_all();
}

void reap_all(void)
{
	for (;;) {
		siginfo_t info;
		memset(&info, 0, sizeof(info));
		int waited = waitid(P_ALL, 0, &info, WEXITED | WNOHANG);
		if (waited < 0 && errno == EINTR)
			continue;
		if (waited < 0 || info.si_pid == 0)
			break;
		reaped(&info);
	}
	if (monitor.shutting_down)
		shutdown_check();
}
