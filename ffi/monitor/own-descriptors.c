#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "monitor.h"

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
 * A child's descriptors have places of their own (launch.c), and none of ours may ever lie there: what is opened below
 * fills them in a monitor that begins, and here whatever is left of them in one that goes on.
 */
void fill_places(void)
{
	int fd = -1;
	while ((fd = fcntl(0, F_DUPFD_CLOEXEC, LISTENER + 1)) >= 0 && fd < CHILD_PLACES)
		;
	cleanup_close(&fd);
}

int open_own(void)
{
	monitor.epoll = epoll_create1(EPOLL_CLOEXEC);
	int children = take_signals();
	int deadline = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int launches = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int stall = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (monitor.epoll < 0 || children < 0 || deadline < 0 || launches < 0 || stall < 0)
		return -errno;
	int watched = source_watch(&monitor.children, children, EPOLLIN, reap_ready);
	if (watched == 0)
		watched = source_watch(&monitor.deadline, deadline, EPOLLIN, shutdown_deadline);
	if (watched == 0)
		watched = source_watch(&monitor.launches, launches, EPOLLIN, launch_deadline_tick);
	if (watched == 0)
		watched = source_watch(&monitor.stall, stall, EPOLLIN, attach_stall_tick);
	return watched < 0 ? watched : source_watch(&monitor.listener, LISTENER, EPOLLIN, connection_accept);
}
