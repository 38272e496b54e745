/*
 * One conversation with a unix socket that begins with a descriptor, which no socket of the JavaScript engine can send.
 * On a thread of its own: the listener may be stopped, and a full backlog makes connect(2) wait.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct conversation {
	struct sockaddr_un address;
	int descriptor, out;
	int timeout_ms;
	size_t length;
	uint8_t bytes[];
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int connect_within(const struct conversation *talk)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	struct timeval limit = {.tv_sec = talk->timeout_ms / 1000, .tv_usec = talk->timeout_ms % 1000 * 1000};
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
	    connect(fd, (const struct sockaddr *)&talk->address, sizeof(talk->address)) < 0)
		return -1;
	int connected = fd;
	fd = -1;
	return connected;
}

static int send_all(int fd, const struct conversation *talk)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.space = {0}};
	struct iovec part = {.iov_base = (void *)(uintptr_t)talk->bytes, .iov_len = talk->length};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &talk->descriptor, sizeof(int));
	ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	return sent == (ssize_t)talk->length ? 0 : -1;
}

/* What is answered goes to the pipe, until either end of it is closed or the time is over. */
static void forward(int fd, const struct conversation *talk)
{
	int64_t deadline = now_ms() + talk->timeout_ms;
	uint8_t buffer[4096];
	for (;;) {
		int64_t left = deadline - now_ms();
		struct pollfd wait[] = {{.fd = fd, .events = POLLIN}, {.fd = talk->out, .events = 0}};
		int ready = poll(wait, 2, left > 0 ? (int)left : 0);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0 || wait[1].revents != 0)
			return;
		ssize_t got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return;
		if (got > 0 && write(talk->out, buffer, (size_t)got) != got)
			return;
	}
}

static void *converse(void *argument)
{
	struct conversation *talk = argument;
	cleanup_close int fd = connect_within(talk);
	if (fd >= 0 && send_all(fd, talk) == 0)
		forward(fd, talk);
	close(talk->out);
	close(talk->descriptor);
	free(talk);
	return NULL;
}

int crib_converse(const char *path, const uint8_t *bytes, size_t length, int descriptor, int timeout_ms,
		  struct crib_err *err)
{
	struct conversation *talk = malloc(sizeof(*talk) + length);
	if (talk == NULL)
		return crib_fail(err, ENOMEM, "malloc", path);
	*talk = (struct conversation){.address.sun_family = AF_UNIX, .timeout_ms = timeout_ms, .length = length};
	memcpy(talk->bytes, bytes, length);
	int ends[2] = {-1, -1};
	int failed = strlen(path) >= sizeof(talk->address.sun_path) ? ENAMETOOLONG : 0;
	if (failed == 0 && pipe2(ends, O_CLOEXEC) < 0)
		failed = errno;
	talk->descriptor = failed == 0 ? fcntl(descriptor, F_DUPFD_CLOEXEC, 0) : -1;
	if (failed == 0 && (talk->descriptor < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0))
		failed = errno;
	if (failed == 0) {
		strcpy(talk->address.sun_path, path);
		talk->out = ends[1];
		failed = crib_detached_thread(converse, talk);
	}
	if (failed == 0)
		return ends[0];
	crib_close_fd(&talk->descriptor);
	crib_close_fd(&ends[0]);
	crib_close_fd(&ends[1]);
	free(talk);
	return crib_fail(err, failed, "converse", path);
}
