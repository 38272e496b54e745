#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "monitor/monitor.h"

/* A child in uninterruptible sleep cannot be waited for; init inherits it. */
#define SHUTDOWN_SECONDS 10

/* Kills every child there is, orphans that came to us included; again after each death, for those it orphaned. */
static void kill_children(void)
{
	for (const struct process *process = monitor.processes; process != NULL; process = process->next) {
		if (process->state != PROCESS_EXITED)
			process_kill(process);
	}
	if (monitor.init_pidfd >= 0)
		sys_pidfd_send_signal(monitor.init_pidfd, SIGKILL);

	char pids[1024];
	int fd cleanup_fd = openat(monitor.procfs, "thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? 0 : read(fd, pids, sizeof(pids) - 1);
	if (length <= 0)
		return;
	pids[length] = '\0';
	/* Our own children, not reaped, so their numbers are theirs. A last one that was cut off has no blank behind
	 * it. */
	for (char *at = pids, *end; *at != '\0'; at = end + 1) {
		long pid = strtol(at, &end, 10);
		if (end == at || *end != ' ')
			break;
		kill((pid_t)pid, SIGKILL);
	}
}

static _Noreturn void leave(void)
{
	if (monitor.shutdown_client != NULL)
		reply_ok(monitor.shutdown_client, monitor.shutdown_request);
	connections_flush();
	_exit(0);
}

void shutdown_check(void)
{
	siginfo_t info;
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
		leave();
	kill_children();
}

void shutdown_deadline(struct source *source, uint32_t events)
{
	(void)source;
	(void)events;
	leave();
}

void shutdown_begin(struct connection *connection, uint32_t request)
{
	monitor.shutdown_client = connection;
	monitor.shutdown_request = request;
	if (!monitor.shutting_down) {
		monitor.shutting_down = true;
		struct itimerspec timeout = {.it_value.tv_sec = SHUTDOWN_SECONDS};
		timerfd_settime(monitor.deadline.fd, 0, &timeout, NULL);
	}
	shutdown_check();
}
