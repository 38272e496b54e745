#include "monitor/process/shutdown.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "container-of.h"
#include "kernel.h"
#include "monitor/transport/reply.h"
#include "monitor/transport/send.h"

/* A child in uninterruptible sleep cannot be waited for; init inherits it. */
#define SHUTDOWN_SECONDS 10

/* Kills every child there is, orphans that came to us included; again after each death, for those it orphaned. */
static void kill_children(const struct processes *processes)
{
	const struct sandbox *sandbox = processes->sandbox;
	for (const struct process *process = processes->first; process != NULL; process = process->next) {
		if (process->state != PROCESS_EXITED)
			process_kill(process);
	}
	if (sandbox->init_pidfd >= 0)
		sys_pidfd_send_signal(sandbox->init_pidfd, SIGKILL);

	char pids[1024];
	int fd cleanup_fd = openat(sandbox->host->procfs, "thread-self/children", O_RDONLY | O_CLOEXEC);
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

void shutdown_check(struct shutdown *shutdown)
{
	siginfo_t info;
	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
		loop_end(shutdown->processes->server->loop);
	else
		kill_children(shutdown->processes);
}

void shutdown_deadline(struct source *source, uint32_t events)
{
	(void)events;
	loop_end(source->loop);
}

void shutdown_begin(struct shutdown *shutdown, struct connection *connection, uint32_t request)
{
	shutdown->client = connection;
	shutdown->request = request;
	if (!shutdown->begun) {
		shutdown->begun = shutdown->processes->closed = true;
		struct itimerspec timeout = {.it_value.tv_sec = SHUTDOWN_SECONDS};
		timerfd_settime(shutdown->deadline.fd, 0, &timeout, NULL);
	}
	shutdown_check(shutdown);
}

void shutdown_client_gone(struct shutdown *shutdown, const struct connection *connection)
{
	if (shutdown->client == connection)
		shutdown->client = NULL;
}

void shutdown_finish(struct shutdown *shutdown)
{
	if (!shutdown->begun)
		return;
	reply_ok(shutdown->client, shutdown->request);
	connections_flush(shutdown->processes->server, shutdown->client);
}
