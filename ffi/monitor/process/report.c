#include "monitor/process/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <fcntl.h>
#include <unistd.h>

#include "cleanup.h"
#include "container-of.h"
#include "decimal.h"

#define ERRNO_MAX 4095

static void sanitize_text(char *text, size_t size)
{
	text[size - 1] = '\0';
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

static void sanitize(struct failure *failure)
{
	sanitize_text(failure->call, FAILURE_CALL_SIZE);
	sanitize_text(failure->path, FAILURE_PATH_SIZE);
	if (failure->code <= 0 || failure->code > ERRNO_MAX)
		failure->code = EPROTO;
}

/* Receives one message and the descriptor that came with it. 1: there was one, 0: end of file, -errno. */
static int receive(int socket, struct report *report, int *descriptor)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec data = {.iov_base = report, .iov_len = sizeof(*report)};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		/* Not its space, which has room for a second descriptor: that one would never be closed. */
		.msg_controllen = CMSG_LEN(sizeof(int)),
	};
	*descriptor = -1;
	ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length <= 0)
		return length < 0 ? -errno : 0;
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS)
		memcpy(descriptor, CMSG_DATA(rights), sizeof(int));
	/* From our own code, but from a process that already sees the container: lengths and texts are checked all the
	 * same. */
	if (length != sizeof(*report)) {
		close_and_clear(descriptor);
		return -EBADMSG;
	}
	sanitize(&report->failure);
	return 1;
}

static void take_terminal(struct process *process, int master)
{
	if (!process->terminal || process->stdio[1] >= 0) {
		close(master);
		return;
	}
	process->stdio[1] = master;
	if (!process->with_stdin)
		return;
	process->stdio[0] = fcntl(master, F_DUPFD_CLOEXEC, 0);
	if (process->stdio[0] >= 0 || process->failed)
		return;
	/* A program that waits for input would be told that there is none. */
	failure_set(&process->failure, -errno, "dup", "terminal");
	process->failed = true;
	if (process->pidfd >= 0)
		process_kill(process);
}

static void take_warning(struct process *process, const struct failure *warning)
{
	frame_u32(&process->warnings, (uint32_t)warning->code);
	frame_u16(&process->warnings, warning->step);
	frame_u16(&process->warnings, warning->index);
	frame_string(&process->warnings, warning->call);
	frame_string(&process->warnings, warning->path);
	process->warning_count++;
}

/* The number of a process by its pidfd, as this process counts; 0 when it is reaped already. */
static pid_t pid_of(const struct host *host, int pidfd)
{
	static const char prefix[] = "self/fdinfo/";
	char path[sizeof(prefix) + 12];
	char text[512];
	memcpy(path, prefix, sizeof(prefix) - 1);
	decimal_text((unsigned)pidfd, path + sizeof(prefix) - 1);
	int fd cleanup_fd = openat(host->procfs, path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	const char *line = strstr(text, "\nPid:");
	long pid = line == NULL ? 0 : strtol(line + sizeof("\nPid:") - 1, NULL, 10);
	return pid > 0 ? (pid_t)pid : 0;
}

/* What was cloned is done: `pidfd` is who goes on with the plan, and waits to be told that it is known. */
static void take_child(struct process *process, int pidfd)
{
	pid_t pid = process->state == PROCESS_STARTING && !process->ready ? pid_of(process_host(process), pidfd) : 0;
	if (pid == 0) {
		close(pidfd);
		return;
	}
	close(process->pidfd);
	process->pidfd = pidfd;
	process->pid = pid;
	send(process->report.fd, "", 1, MSG_NOSIGNAL);
}

static void take(struct process *process, const struct report *report, int descriptor)
{
	switch ((enum report_kind)report->kind) {
	case REPORT_FAILURE:
		process->failed = true;
		process->failure = report->failure;
		break;
	case REPORT_WARNING:
		take_warning(process, &report->failure);
		break;
	case REPORT_TERMINAL:
		if (descriptor >= 0)
			take_terminal(process, descriptor);
		return;
	case REPORT_READY:
		process->ready = true;
		break;
	case REPORT_CHILD:
		if (descriptor >= 0)
			take_child(process, descriptor);
		return;
	}
	if (descriptor >= 0)
		close(descriptor);
}

/* Reads every message that is there; false when the socket is at its end, or says what no stage of ours says. */
static bool receive_all(struct process *process)
{
	struct report report;
	int descriptor = -1;
	int got;
	while ((got = receive(process->report.fd, &report, &descriptor)) == 1)
		take(process, &report, descriptor);
	return got < 0 && got != -EBADMSG;
}

void report_poll(const struct processes *processes)
{
	for (struct process *process = processes->first; process != NULL; process = process->next) {
		if (process->state == PROCESS_STARTING && process->report.fd >= 0)
			receive_all(process);
	}
}

void report_end(struct process *process)
{
	if (process->report.fd < 0)
		return;
	receive_all(process);
	source_close(&process->report);
	close_and_clear(&process->report_peer);
}

bool report_take_error(struct process *process)
{
	struct report report;
	ssize_t length = process->errors.fd < 0 ? -1 : read(process->errors.fd, &report, sizeof(report));
	if (length < 0)
		return false;
	source_close(&process->errors);
	if (length == sizeof(report) && report.kind == REPORT_FAILURE && !process->failed) {
		process->failed = true;
		process->failure = report.failure;
		sanitize(&process->failure);
	}
	return length == 0;
}

static void settle(struct process *process)
{
	source_close(&process->report);
	close_and_clear(&process->report_peer);
	if (process->ready && !process->failed)
		process->among->on_started(process);
}

void report_ready(struct source *source, uint32_t events)
{
	(void)events;
	struct process *process = container_of(source, struct process, report);
	/* Without "ready" the process is dying: its answer waits until it is reaped and truly gone. */
	if (!receive_all(process))
		settle(process);
}

void report_settle(struct process *process)
{
	if (process->report.fd < 0)
		return;
	receive_all(process);
	settle(process);
}
