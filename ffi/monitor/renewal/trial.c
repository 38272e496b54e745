#include "monitor/renewal/trial.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "monitor/renewal/restore.h"
#include "monitor/whole/build.h"

#define STATE 3
#define TRIAL_MS 1500
#define DEATH_MS 200

/* Everything else that is open here is close-on-exec. */
static _Noreturn void child(int executable, int state)
{
	const char *arguments[] = {MONITOR_NAME, RESTORE_CHECK, NULL};
	if (dup2(state, STATE) == STATE)
		sys_execveat(executable, arguments);
	_exit(127);
}

static bool ends_within(int pidfd, int milliseconds)
{
	struct pollfd wait = {.fd = pidfd, .events = POLLIN};
	return poll(&wait, 1, milliseconds) == 1;
}

int trial_run(int executable, int state)
{
	int pidfd cleanup_fd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		child(executable, state);
	if (pid < 0)
		return (int)pid;
	bool ended = ends_within(pidfd, TRIAL_MS);
	/* One that does not die either is reaped whenever it does, as any orphan. */
	if (!ended && sys_pidfd_send_signal(pidfd, SIGKILL) == 0)
		ends_within(pidfd, DEATH_MS);
	siginfo_t info = {0};
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) < 0)
		return -errno;
	if (!ended)
		return -ETIMEDOUT;
	return info.si_code == CLD_EXITED && info.si_status == RESTORE_CHECKED ? 0 : -ENOEXEC;
}
