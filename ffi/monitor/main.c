#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "monitor.h"

/*
 * crib-monitor <sandbox id> <directory>, with the listening socket of <directory>/monitor.sock as descriptor 3.
 *
 * Exit codes before it serves: 2 for a wrong call (as when a container runs us through /proc/self/exe), 1 for a system
 * call that failed; the daemon sees either as a connection that ends before HELLO is answered.
 */

#define LISTENER 3
#define OOM_SCORE "-999"

static bool is_id(const char *text)
{
	size_t length = strlen(text);
	return length > 0 && length < ID_SIZE && strspn(text, "0123456789abcdef") == length;
}

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t size = sizeof(listening);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

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

static int null_stdio(void)
{
	int null cleanup_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++) {
		if (dup2(null, fd) < 0)
			return -errno;
	}
	return 0;
}

/* Without CAP_SYS_RESOURCE the score cannot be lowered; then the children have nothing to put back either. */
static void protect_from_oom(void)
{
	char text[16];
	int fd cleanup_fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	if (length <= 0)
		return;
	text[length] = '\0';
	if (pwrite(fd, OOM_SCORE, sizeof(OOM_SCORE) - 1, 0) > 0)
		monitor.inherited_oom_score = (int)strtol(text, NULL, 10);
}

static int open_directories(const char *directory)
{
	monitor.directory = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (monitor.directory < 0)
		return -errno;
	if (mkdirat(monitor.directory, "exit", 0700) < 0 && errno != EEXIST)
		return -errno;
	monitor.exit_records = openat(monitor.directory, "exit", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return monitor.exit_records < 0 ? -errno : 0;
}

/* In this order descriptors 4 and up are the monitor's for life, which launch.c relies on; host.c adds to them. */
static int open_everything(const char *directory)
{
	if (null_stdio() < 0)
		return -1;
	sys_close_range(LISTENER + 1, ~0u);
	fcntl(LISTENER, F_SETFD, FD_CLOEXEC);
	fcntl(LISTENER, F_SETFL, O_RDWR | O_NONBLOCK);
	monitor.epoll = epoll_create1(EPOLL_CLOEXEC);
	int children = take_signals();
	int deadline = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int launches = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int stall = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (monitor.epoll < 0 || children < 0 || deadline < 0 || launches < 0 || stall < 0)
		return -1;
	if (open_directories(directory) < 0)
		return -1;
	if (source_watch(&monitor.children, children, EPOLLIN, reap_ready) < 0 ||
	    source_watch(&monitor.deadline, deadline, EPOLLIN, shutdown_deadline) < 0 ||
	    source_watch(&monitor.launches, launches, EPOLLIN, launch_deadline_tick) < 0 ||
	    source_watch(&monitor.stall, stall, EPOLLIN, attach_stall_tick) < 0)
		return -1;
	return source_watch(&monitor.listener, LISTENER, EPOLLIN, connection_accept);
}

int main(int argc, char **argv)
{
	if (argc != 3 || !is_id(argv[1]) || argv[2][0] != '/' || !is_listening(LISTENER))
		return 2;
	monitor.sandbox_id = argv[1];
	umask(077);
	/* Not to be traced or read through /proc by anything in a container that it shares an owner with. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_NAME, "crib-monitor", 0, 0, 0);
	protect_from_oom();
	if (relro_protect() < 0 || chdir("/") < 0 || open_everything(argv[2]) < 0 || host_leave() < 0)
		return 1;
	loop_run();
}
