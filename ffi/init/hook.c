#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "cleanup.h"
#include "kernel.h"
#include "stage.h"

/* What a hook says last on stderr, as far as a failure can carry it. */
struct words {
	char text[160];
	size_t length;
};

struct hook {
	int input;  /* the state document, from its beginning */
	int output; /* the end of the pipe that is its stderr */
	int status; /* close-on-exec; holds the errno of an execve that failed */
	int null;
};

int64_t stage_now_ms(void)
{
	struct timespec now;
	/* The call itself: libc's goes through the vDSO, which a stage has left with the monitor's memory. */
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int state_document(struct stage *stage, struct bytes state)
{
	int fd cleanup_fd = memfd_create("hook-state", MFD_CLOEXEC);
	if (fd < 0)
		return stage_fail(stage, -errno, "memfd_create", "hook");
	for (uint32_t done = 0; done < state.length;) {
		ssize_t written = write(fd, state.data + done, state.length - done);
		if (written < 0)
			return stage_fail(stage, -errno, "write", "hook's state");
		done += (uint32_t)written;
	}
	if (lseek(fd, 0, SEEK_SET) < 0)
		return stage_fail(stage, -errno, "lseek", "hook's state");
	return take_fd(&fd);
}

/*
 * Not the image's environment and not a directory of its: a hook runs with the host's rights, and a library or a
 * relative path of the image must not become part of it (CVE-2025-23266). A group of its own, to be killed as one.
 */
static _Noreturn void hook_child(const struct hook_step *step, const struct hook *hook, char **argv, char **env)
{
	setsid();
	umask(022);
	int ready =
		dup2(hook->input, 0) >= 0 && dup2(hook->null, 1) >= 0 && dup2(hook->output, 2) >= 0 && chdir("/") == 0;
	/* Everything from 3 on is close-on-exec: a hook sees nothing of ours. */
	if (ready)
		execve(step->path, argv, env);
	int error = errno;
	ssize_t told = write(hook->status, &error, sizeof(error));
	_exit(told == sizeof(error) ? 127 : 126);
}

/* Keeps the last of what is said: that is where programs put the reason. */
static void listen_to(int fd, struct words *words)
{
	char chunk[512];
	for (ssize_t length; (length = read(fd, chunk, sizeof(chunk))) > 0;) {
		size_t size = (size_t)length;
		size_t room = sizeof(words->text) - 1;
		size_t taken = size < room ? size : room;
		size_t kept = words->length < room - taken ? words->length : room - taken;
		memmove(words->text, words->text + words->length - kept, kept);
		memcpy(words->text + kept, chunk + size - taken, taken);
		words->length = kept + taken;
	}
	words->text[words->length] = '\0';
}

/* Until the hook has ended: 0, or -ETIMEDOUT when it was killed for taking too long. */
static int wait_for_end(int pidfd, pid_t pid, int output, int64_t deadline, struct words *words)
{
	struct pollfd watched[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = output, .events = POLLIN}};
	for (;;) {
		int64_t left = deadline - stage_now_ms();
		int ready = left <= 0 ? 0 : poll(watched, 2, left > INT32_MAX ? INT32_MAX : (int)left);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0) {
			kill(-pid, SIGKILL);
			sys_pidfd_send_signal(pidfd, SIGKILL);
			return -ETIMEDOUT;
		}
		if ((watched[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
			listen_to(output, words);
			if ((watched[1].revents & POLLHUP) != 0)
				watched[1].fd = -1;
		}
		if (watched[0].revents != 0)
			return 0;
	}
}

static int report_end(struct stage *stage, const struct hook_step *step, const siginfo_t *end, struct words *words)
{
	if (end->si_code == CLD_EXITED && end->si_status == 0)
		return 0;
	char call[FAILURE_CALL_SIZE];
	char path[FAILURE_PATH_SIZE];
	snprintf(call, sizeof(call), "hook %s %d", end->si_code == CLD_EXITED ? "exited with" : "was ended by signal",
		 end->si_status);
	for (size_t i = 0; i < words->length; i++) {
		if ((unsigned char)words->text[i] < ' ')
			words->text[i] = ' ';
	}
	snprintf(path, sizeof(path), "%s: %s", step->path, words->text);
	return stage_fail(stage, -ECANCELED, call, path);
}

static int run_child(struct stage *stage, const struct hook_step *step, struct hook *hook, int from_output,
		     int from_status)
{
	char **argv = string_vector(step->argv);
	char **env = string_vector(step->env);
	if (argv == NULL || env == NULL)
		return stage_fail(stage, -ENOMEM, "mmap", "");
	int64_t deadline = stage_now_ms() + (int64_t)step->timeout_seconds * 1000;
	int pidfd cleanup_fd = -1;
	struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	pid_t pid = sys_clone3(&args);
	if (pid < 0)
		return stage_fail(stage, pid, "clone3", step->path);
	if (pid == 0)
		hook_child(step, hook, argv, env);
	close_and_clear(&hook->output);
	close_and_clear(&hook->status);

	struct words words = {.length = 0};
	int waited = wait_for_end(pidfd, pid, from_output, deadline, &words);
	siginfo_t end = {0};
	while (waitid(P_PIDFD, (id_t)pidfd, &end, WEXITED) < 0) {
		if (errno != EINTR)
			return stage_fail(stage, -errno, "waitid", step->path);
	}
	if (waited < 0)
		return stage_fail(stage, waited, "hook took too long and was killed", step->path);
	int error = 0;
	if (read(from_status, &error, sizeof(error)) == sizeof(error))
		return stage_fail(stage, -error, "execve of a hook", step->path);
	listen_to(from_output, &words);
	return report_end(stage, step, &end, &words);
}

/*
 * What a hook leaves running in a pid namespace that is new would be seen by the container, with the host's root and
 * all capabilities; no other process is there yet. Elsewhere a hook runs where the monitor does, and what it leaves is
 * the host's.
 */
static void end_remainder(void)
{
	if (getpid() != 1)
		return;
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

/* Reads never wait: a process the hook left behind may hold the other end for ever. */
int step_hook(struct stage *stage, const struct hook_step *step)
{
	int output[2];
	int status[2];
	if (pipe2(output, O_CLOEXEC) < 0)
		return stage_fail(stage, -errno, "pipe2", "hook");
	int from_output cleanup_fd = output[0];
	int to_output cleanup_fd = output[1];
	if (pipe2(status, O_CLOEXEC) < 0)
		return stage_fail(stage, -errno, "pipe2", "hook");
	int from_status cleanup_fd = status[0];
	int to_status cleanup_fd = status[1];
	fcntl(from_output, F_SETFL, O_NONBLOCK);
	fcntl(from_status, F_SETFL, O_NONBLOCK);
	int null cleanup_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return stage_fail(stage, -errno, "open", "/dev/null");
	int input cleanup_fd = state_document(stage, step->state);
	if (input < 0)
		return input;
	struct hook hook = {.input = input, .output = take_fd(&to_output), .status = take_fd(&to_status), .null = null};
	int done = run_child(stage, step, &hook, from_output, from_status);
	end_remainder();
	close_and_clear(&hook.output);
	close_and_clear(&hook.status);
	return done;
}
