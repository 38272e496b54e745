#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "kernel.h"
#include "monitor/process/birth.h"
#include "monitor/process/report.h"

/*
 * What stages and the processes born last tell the monitor, said by somebody who wants it to stumble: messages of any
 * kind and length on the report's socket, with descriptors of any kind and number, and anything on the pipe of execve's
 * error. Afterwards what is told on to the daemon is text and a real errno, and no descriptor is left.
 *
 * Input: flags, then messages: what it is, how it is sent, how much of it, bytes.
 */

static unsigned started;
static unsigned killed;

/* What is above them. */
static void on_started(struct process *process)
{
	started++;
	process->state = PROCESS_RUNNING;
	report_end(process);
	source_close(&process->errors);
	birth_note_free(process);
}

/* The monitor's part that is not asked here. */
void process_kill(const struct process *process)
{
	(void)process;
	killed++;
}

pid_t process_born(const struct process *process)
{
	return process->note == NULL ? 0 : process->note->born;
}

static struct loop loop = {.epoll = -1};
static struct host host = {.root = -1, .mounts = -1, .procfs = -1};
static struct sandbox sandbox = {.host = &host};
static struct server server = {.loop = &loop};
static struct processes processes = {.server = &server, .sandbox = &sandbox, .on_started = on_started};

const struct host *process_host(const struct process *process)
{
	(void)process;
	return &host;
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void require_text(const char *text, size_t size)
{
	require(memchr(text, '\0', size) != NULL);
	for (; *text != '\0'; text++)
		require((unsigned char)*text >= ' ' && *text != 0x7f);
}

static int lowest_free(void)
{
	int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
	close(fd);
	return fd;
}

static unsigned open_below(int bound)
{
	unsigned count = 0;
	for (int fd = 0; fd < bound; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* A process of ours that never was a stage, and one that is gone: whose numbers are told by their pidfds. */
static int gone(void)
{
	static int fd = -1;
	if (fd >= 0)
		return fd;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	fd = sys_pidfd_open(pid);
	waitpid(pid, NULL, 0);
	return fd;
}

static void say(int socket, uint8_t how, const uint8_t *bytes, size_t length)
{
	static int null = -1;
	static int self = -1;
	if (null < 0) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		self = sys_pidfd_open(getpid());
	}
	const int kinds[] = {null, self, gone(), socket};
	int count = (how >> 2) % 4;
	union {
		char space[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec data = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
		struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
		for (int i = 0; i < count; i++)
			memcpy(CMSG_DATA(rights) + (size_t)i * sizeof(int), &kinds[(how + i) % 4], sizeof(int));
	}
	sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static size_t take_message(const uint8_t **at, const uint8_t *end, uint8_t *message, uint8_t *how)
{
	if (end - *at < 3)
		return 0;
	uint8_t kind = (*at)[0];
	*how = (*at)[1];
	size_t length = (*at)[2] < 200 ? sizeof(struct report) : (size_t)((*at)[2] - 200) * 8;
	size_t given = (size_t)(end - *at - 3);
	size_t copied = given < length - (length >= 4 ? 4 : 0) ? given : length - (length >= 4 ? 4 : 0);
	memset(message, 0, sizeof(struct report) + 512);
	message[0] = kind % 8;
	memcpy(message + 4, *at + 3, copied);
	*at += 3 + copied;
	return length == 0 ? 1 : length;
}

static void watch(struct source *source, int fd)
{
	require(source_watch(&loop, source, fd, EPOLLIN, report_ready) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static uint8_t message[sizeof(struct report) + 512];
	static int first = -1;
	if (first < 0) {
		loop.epoll = epoll_create1(EPOLL_CLOEXEC);
		signal(SIGPIPE, SIG_IGN);
		say(-1, 0, message, 1);
		first = lowest_free();
	}
	if (length < 1)
		return 0;
	uint8_t flags = *bytes;
	const uint8_t *at = bytes + 1;
	const uint8_t *end = bytes + length;
	unsigned before = open_below(first + 64);
	int sockets[2];
	int ends[2];
	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
	require(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);

	struct process *process = calloc(1, sizeof(*process));
	require(process != NULL);
	*process = (struct process){.among = &processes,
				    .pidfd = -1,
				    .report_peer = -1,
				    .log.fd = -1,
				    .stdio = {-1, -1, -1},
				    .errors.fd = -1,
				    .report.fd = -1,
				    .terminal = flags & 1,
				    .with_stdin = flags & 2,
				    .pid = getpid()};
	processes.first = process;
	watch(&process->report, sockets[0]);
	if ((flags & 4) != 0)
		process->report_peer = fcntl(sockets[1], F_DUPFD_CLOEXEC, 0);
	if ((flags & 8) != 0) {
		require(birth_note_make(process) == 0);
		process->note->born = (flags & 16) != 0 ? getpid() : (flags & 32) != 0 ? 0x7ffffffe : 0;
		watch(&process->errors, ends[0]);
	}

	uint8_t how;
	for (size_t size; (size = take_message(&at, end, message, &how)) > 0;) {
		if ((how & 1) == 0) {
			say(sockets[1], how, message, size);
			report_ready(&process->report, EPOLLIN);
		} else if (process->errors.fd >= 0) {
			ssize_t written = write(ends[1], message, size);
			(void)written;
			birth_hear(&process->errors, EPOLLIN);
		}
		if (process->report.fd < 0 || process->state != PROCESS_STARTING)
			break;
		if ((how & 2) != 0)
			birth_look(process);
	}
	close(sockets[1]);
	close(ends[1]);
	if (process->state == PROCESS_STARTING)
		report_settle(process);
	if (process->state == PROCESS_STARTING)
		report_take_error(process);

	if (process->failed) {
		require(process->failure.code > 0 && process->failure.code <= 4095);
		require_text(process->failure.call, sizeof(process->failure.call));
		require_text(process->failure.path, sizeof(process->failure.path));
	}
	require(!process->warnings.out_of_memory && (process->warning_count > 0) == (process->warnings.length > 0));
	require(process->pid > 0);

	report_end(process);
	if ((flags & 8) == 0)
		close(ends[0]);
	source_close(&process->errors);
	for (int i = 0; i < 3; i++)
		close_and_clear(&process->stdio[i]);
	birth_note_free(process);
	if (process->pidfd >= 0)
		close(process->pidfd);
	frame_free(&process->warnings);
	free(process);
	processes.first = NULL;
	require(open_below(first + 64) == before);
	return 0;
}
