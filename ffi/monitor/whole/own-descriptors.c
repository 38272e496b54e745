#include "monitor/whole/own-descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "container-of.h"
#include "monitor/process/attachment.h"
#include "monitor/process/child.h"
#include "monitor/process/launch-deadline.h"
#include "monitor/process/reap.h"
#include "monitor/transport/connection.h"

/*
 * Every signal is blocked and SIGCHLD read from a descriptor: nothing can end or interrupt the monitor but SIGKILL, and
 * nothing is set to "ignore", which the workloads would inherit.
 */
static int take_signals(void)
{
	sigset_t all;
	sigset_t children;
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	return signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
}

/*
 * A child's descriptors have places of their own (process/child.h), and none of ours may ever lie there: what is opened
 * below fills them in a monitor that begins, and here whatever is left of them in one that goes on.
 */
void fill_places(void)
{
	int fd = -1;
	while ((fd = fcntl(0, F_DUPFD_CLOEXEC, LISTENER + 1)) >= 0 && fd < CHILD_PLACES)
		;
	cleanup_close(&fd);
}

static void child_died(struct source *children, uint32_t events)
{
	(void)events;
	struct monitor *monitor = container_of(children, struct monitor, children);
	/* One signal may stand for any number of children. */
	struct signalfd_siginfo ignored;
	while (read(children->fd, &ignored, sizeof(ignored)) > 0)
		;
	reap_all(&monitor->processes, &monitor->sandbox);
	if (monitor->shutdown.begun)
		shutdown_check(&monitor->shutdown);
}

int open_own(struct monitor *monitor)
{
	struct loop *loop = &monitor->loop;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	int children = take_signals();
	int deadline = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int launches = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int stall = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->epoll < 0 || children < 0 || deadline < 0 || launches < 0 || stall < 0)
		return -errno;
	int watched = source_watch(loop, &monitor->children, children, EPOLLIN, child_died);
	if (watched == 0)
		watched = source_watch(loop, &monitor->shutdown.deadline, deadline, EPOLLIN, shutdown_deadline);
	if (watched == 0)
		watched = source_watch(loop, &monitor->processes.launches, launches, EPOLLIN, launch_deadline_tick);
	if (watched == 0)
		watched = source_watch(loop, &monitor->processes.stall, stall, EPOLLIN, attachment_stall_tick);
	return watched < 0 ? watched
			   : source_watch(loop, &monitor->server.listener, LISTENER, EPOLLIN, connection_accept);
}
