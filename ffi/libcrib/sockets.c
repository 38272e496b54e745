#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct socket_request {
	int netns, domain, type, protocol;
	struct crib_err *err;
	int result;
};

static void *make_socket(void *argument)
{
	struct socket_request *request = argument;
	if (setns(request->netns, CLONE_NEWNET) < 0) {
		request->result = crib_fail(request->err, errno, "setns", "network namespace");
		return NULL;
	}
	int fd = socket(request->domain, request->type | SOCK_CLOEXEC, request->protocol);
	request->result = fd < 0 ? crib_fail(request->err, errno, "socket", "") : fd;
	return NULL;
}

/*
 * A socket belongs to the network namespace of the thread that made it, for ever. setns happens on a thread that ends
 * with it: were it the caller's, a failing way back would leave the daemon's main thread in a pod's namespace.
 */
int crib_socket_in(int netns, int domain, int type, int protocol, struct crib_err *err)
{
	struct socket_request request = {netns, domain, type, protocol, err, -EINVAL};
	int failed = crib_on_thread(make_socket, &request);
	return failed != 0 ? crib_fail(err, failed, "pthread_create", "") : request.result;
}

static int start_connect(int fd, int ip_version, int port, struct crib_err *err)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = in6addr_loopback};
	v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int done = ip_version == 6 ? connect(fd, (struct sockaddr *)&v6, sizeof(v6))
				   : connect(fd, (struct sockaddr *)&v4, sizeof(v4));
	return done < 0 && errno != EINPROGRESS ? crib_fail(err, errno, "connect", "") : 0;
}

int crib_connect_loopback(int netns, int ip_version, int port, struct crib_err *err)
{
	int domain = ip_version == 6 ? AF_INET6 : AF_INET;
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	if (port < 1 || port > 65535)
		return crib_fail(err, EINVAL, "connect", "port");
	cleanup_close int fd = netns >= 0 ? crib_socket_in(netns, domain, type, 0, err) : socket(domain, type, 0);
	if (fd < 0)
		return netns >= 0 ? fd : crib_fail(err, errno, "socket", "");
	int started = start_connect(fd, ip_version, port, err);
	if (started < 0)
		return started;
	int result = fd;
	fd = -1;
	return result;
}

int crib_connected(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	int ready = poll(&wait, 1, 0);
	if (ready <= 0)
		return ready < 0 && errno != EINTR ? -errno : 0;
	int error = 0;
	socklen_t size = sizeof(error);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -errno;
	return error != 0 ? -error : 1;
}

int crib_listen_unix(const char *path, int backlog, struct crib_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if (length == 0)
		return crib_fail(err, EINVAL, "bind", path);
	if (length >= sizeof(address.sun_path))
		return crib_fail(err, ENAMETOOLONG, "bind", path);
	memcpy(address.sun_path, path, length + 1);

	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return crib_fail(err, errno, "socket", path);
	/* bind gives the file the mode of the socket's own inode, less the umask. Set beforehand there is no instant at
	 * which others may connect, and no umask of the whole process is touched while Workers create files. */
	if (fchmod(fd, 0600) < 0)
		return crib_fail(err, errno, "fchmod", path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return crib_fail(err, errno, "bind", path);
	if (listen(fd, backlog) < 0) {
		int errnum = errno;
		unlink(path);
		return crib_fail(err, errnum, "listen", path);
	}
	int result = fd;
	fd = -1;
	return result;
}

struct aside {
	int fd;
	size_t length;
	uint8_t bytes[];
};

static void *send_aside(void *argument)
{
	struct aside *request = argument;
	while (send(request->fd, request->bytes, request->length, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	close(request->fd);
	free(request);
	return NULL;
}

/* Deleting a veth pair keeps the sender in the kernel for several RCU grace periods, 20 ms and more. */
int crib_send_aside(int fd, const uint8_t *bytes, size_t length)
{
	struct aside *request = malloc(sizeof(*request) + length);
	if (request == NULL)
		return -ENOMEM;
	request->length = length;
	memcpy(request->bytes, bytes, length);
	request->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	int failed = request->fd < 0 ? errno : crib_detached_thread(send_aside, request);
	if (failed != 0) {
		crib_close_fd(&request->fd);
		free(request);
	}
	return -failed;
}

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int crib_receive(int fd, uint8_t *into, size_t length, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	for (;;) {
		int64_t left = deadline - now_ms();
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int ready = poll(&wait, 1, left > 0 ? (int)left : 0);
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready == 0)
			return -ETIMEDOUT;
		if (ready < 0)
			continue;
		struct iovec part = {.iov_base = into, .iov_len = length};
		struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
		ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
		if (got < 0) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return -errno;
		}
		/* Half a netlink message would parse as a whole one. */
		return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : (int)got;
	}
}
