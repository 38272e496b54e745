#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "stage.h"
#include "kernel.h"

/*
 * The other way to become a container: an OCI runtime's command line makes it. The stage runs the runtime's "create",
 * which leaves a process that waits, an orphan, and so the stage's child until the stage ends, then the monitor's. The
 * monitor is told of it as of a child that goes on with the plan, and only then "start" lets it run the workload. An
 * exec has no second part.
 */

/* In the bundle, where the runtime and the stage both are: a path of any length would not fit an address. */
static const char console_name[] = "console.sock";

static int listen_for_terminal(struct stage *stage)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, console_name, sizeof(console_name));
	unlink(console_name);
	int listener cleanup_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(listener, 1) < 0)
		return stage_fail(stage, -errno, "listen", console_name);
	return take_fd(&listener);
}

/* The runtime has sent it before it ended. */
static int take_terminal(struct stage *stage, int listener)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec data = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
	unlink(console_name);
	int client cleanup_fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0)
		return stage_fail(stage, -errno, "the runtime sent no terminal", "");
	if (recvmsg(client, &message, MSG_CMSG_CLOEXEC) <= 0)
		return stage_fail(stage, -EPROTO, "the runtime sent no terminal", "");
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	if (rights == NULL || rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS)
		return stage_fail(stage, -EPROTO, "the runtime sent no terminal", "");
	int master cleanup_fd = -1;
	memcpy(&master, CMSG_DATA(rights), sizeof(int));
	fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	struct report report = {.kind = REPORT_TERMINAL};
	int sent = stage_send(stage, &report, master);
	return sent < 0 ? stage_fail(stage, sent, "sendmsg", "terminal") : 0;
}

/* Ends with the stage, which is who would be killed for a runtime that hangs. */
static _Noreturn void runtime_child(char **argv, char **env, pid_t stage, const int *stdio)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != stage)
		_exit(126);
	umask(022);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2; fd++) {
		if (stdio == NULL)
			dup2(null, fd);
		else if (stdio[fd] != fd)
			dup2(stdio[fd], fd);
	}
	sys_close_range(3, ~0u);
	execve(argv[0], argv, env);
	_exit(127);
}

static int wait_until(int pidfd, int64_t deadline)
{
	struct pollfd watched = {.fd = pidfd, .events = POLLIN};
	for (;;) {
		int64_t left = deadline - stage_now_ms();
		int ready = left <= 0 ? 0 : poll(&watched, 1, left > INT32_MAX ? INT32_MAX : (int)left);
		if (ready < 0 && errno == EINTR)
			continue;
		return ready > 0 ? 0 : -ETIMEDOUT;
	}
}

static int reap(struct stage *stage, int pidfd, const char *path)
{
	siginfo_t end = {0};
	while (waitid(P_PIDFD, (id_t)pidfd, &end, WEXITED) < 0) {
		if (errno != EINTR)
			return stage_fail(stage, -errno, "waitid", path);
	}
	if (end.si_code == CLD_EXITED && end.si_status == 0)
		return 0;
	if (end.si_code == CLD_EXITED && end.si_status == 127)
		return stage_fail(stage, -ENOENT, "execve of a runtime", path);
	char call[FAILURE_CALL_SIZE];
	snprintf(call, sizeof(call), "runtime %s %d", end.si_code == CLD_EXITED ? "exited with" : "was ended by signal",
		 end.si_status);
	return stage_fail(stage, -ECANCELED, call, path);
}

static const int workloads_stdio[3] = {0, 1, 2};

struct call {
	struct string_list argv;
	struct string_list env;
	uint32_t timeout_seconds;
	const int *stdio; /* the workload's is what the process that is made inherits; NULL: none */
};

static int call_runtime(struct stage *stage, const struct call *call)
{
	char **argv = string_vector(call->argv);
	char **env = string_vector(call->env);
	if (argv == NULL || env == NULL)
		return stage_fail(stage, -ENOMEM, "mmap", "");
	int64_t deadline = stage_now_ms() + (int64_t)call->timeout_seconds * 1000;
	int pidfd cleanup_fd = -1;
	pid_t self = getpid();
	struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	pid_t pid = sys_clone3(&args);
	if (pid < 0)
		return stage_fail(stage, (int)pid, "clone3", argv[0]);
	if (pid == 0)
		runtime_child(argv, env, self, call->stdio);
	int waited = wait_until(pidfd, deadline);
	if (waited < 0)
		sys_pidfd_send_signal(pidfd, SIGKILL);
	int ended = reap(stage, pidfd, argv[0]);
	return waited < 0 ? stage_fail(stage, waited, "took too long and was killed", argv[0]) : ended;
}

static int open_made(struct stage *stage, const char *pid_file)
{
	char text[16] = "";
	int file cleanup_fd = open(pid_file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t length = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
	long pid = length <= 0 ? 0 : strtol(text, NULL, 10);
	unlink(pid_file);
	if (pid <= 1)
		return stage_fail(stage, file < 0 ? -ENOENT : -EPROTO, "the runtime's pid file", pid_file);
	int pidfd = sys_pidfd_open((pid_t)pid);
	return pidfd < 0 ? stage_fail(stage, pidfd, "pidfd_open", pid_file) : pidfd;
}

/* The monitor knows the process when it answers: an earlier death could not be assigned to a launch. */
static int hand_over(struct stage *stage, int made)
{
	struct report child = {.kind = REPORT_CHILD};
	struct report ready = {.kind = REPORT_READY};
	char known;
	int sent = stage_send(stage, &child, made);
	if (sent < 0 || read(stage->report, &known, 1) != 1)
		return stage_fail(stage, sent < 0 ? sent : -EPIPE, "sendmsg", "made process");
	/* Before it runs: one that ends at once has run. */
	sent = stage_send(stage, &ready, -1);
	return sent < 0 ? stage_fail(stage, sent, "write", "report") : 0;
}

/* What was made and cannot be handed on must not stay; its death tells the monitor, which knows why by then. */
static _Noreturn void end_made(struct stage *stage, int made)
{
	struct report report = {.kind = REPORT_FAILURE, .failure = stage->failure};
	stage_send(stage, &report, -1);
	sys_pidfd_send_signal(made, SIGKILL);
	_exit(127);
}

int step_runtime(struct stage *stage, const struct runtime_step *step)
{
	if (chdir(step->bundle) < 0)
		return stage_fail(stage, -errno, "chdir", step->bundle);
	/* Until the stage ends: one that has ended before it was handed over must still be there to be reaped. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return stage_fail(stage, -errno, "PR_SET_CHILD_SUBREAPER", "");
	int listener cleanup_fd = step->terminal ? listen_for_terminal(stage) : -1;
	if (step->terminal && listener < 0)
		return listener;
	struct call create = {step->create, step->env, step->timeout_seconds, workloads_stdio};
	struct call start = {step->start, step->env, step->timeout_seconds, NULL};
	int done = call_runtime(stage, &create);
	if (done < 0)
		return done;
	int made = open_made(stage, step->pid_file);
	if (made < 0)
		return made;
	if (step->terminal)
		done = take_terminal(stage, listener);
	if (done == 0)
		done = hand_over(stage, made);
	if (done == 0 && step->start.count > 0)
		done = call_runtime(stage, &start);
	if (done < 0)
		end_made(stage, made);
	_exit(0);
}

/* The only child that the stage has: what the call has left. */
static int open_left(struct stage *stage, const char *path)
{
	char text[16] = "";
	int file cleanup_fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t length = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
	long pid = length <= 0 ? 0 : strtol(text, NULL, 10);
	if (pid <= 1)
		return stage_fail(stage, -ESRCH, "the shim left no process", path);
	int pidfd = sys_pidfd_open((pid_t)pid);
	return pidfd < 0 ? stage_fail(stage, pidfd, "pidfd_open", path) : pidfd;
}

static int open_output(struct stage *stage, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? stage_fail(stage, -errno, "open", path) : fd;
}

int step_shim_start(struct stage *stage, const struct shim_start_step *step)
{
	if (chdir(step->bundle) < 0)
		return stage_fail(stage, -errno, "chdir", step->bundle);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return stage_fail(stage, -errno, "PR_SET_CHILD_SUBREAPER", "");
	int input cleanup_fd = open(step->input, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (input < 0)
		return stage_fail(stage, -errno, "open", step->input);
	int output cleanup_fd = open_output(stage, step->output);
	int errors cleanup_fd = output < 0 ? -1 : open_output(stage, step->errors);
	if (output < 0 || errors < 0)
		return output < 0 ? output : errors;
	const int stdio[3] = {input, output, errors};
	struct call start = {step->argv, step->env, step->timeout_seconds, stdio};
	int done = call_runtime(stage, &start);
	if (done < 0)
		return done;
	int made = open_left(stage, step->output);
	if (made < 0)
		return made;
	if (hand_over(stage, made) < 0)
		end_made(stage, made);
	_exit(0);
}
