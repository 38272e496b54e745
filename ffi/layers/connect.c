#include "connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "layers.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Its length, or 0 for what is no address. */
static socklen_t parse_address(const char *text, int port, union address *into)
{
	*into = (union address){0};
	if (inet_pton(AF_INET, text, &into->v4.sin_addr) == 1) {
		into->v4.sin_family = AF_INET;
		into->v4.sin_port = htons((uint16_t)port);
		return sizeof(into->v4);
	}
	if (inet_pton(AF_INET6, text, &into->v6.sin6_addr) == 1) {
		into->v6.sin6_family = AF_INET6;
		into->v6.sin6_port = htons((uint16_t)port);
		return sizeof(into->v6);
	}
	return 0;
}

/* 0 or an errno. */
static int wait_connected(int fd, int timeout_ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
	int ready = ppoll(&wait, 1, &timeout, NULL);
	if (ready <= 0)
		return ready < 0 ? errno : ETIMEDOUT;
	int error = 0;
	socklen_t size = sizeof(error);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

/* A socket, or -errno. */
static int connect_to(const union address *address, socklen_t length, int timeout_ms)
{
	int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int error = connect(fd, &address->any, length) == 0 ? 0 : errno;
	if (error == EINPROGRESS)
		error = wait_connected(fd, timeout_ms);
	if (error == 0)
		return fd;
	close(fd);
	return -error;
}

int connect_first(const char *addresses, int port, int timeout_ms)
{
	int failure = -EADDRNOTAVAIL;
	char text[INET6_ADDRSTRLEN];
	for (const char *at = addresses; *at != 0;) {
		size_t length = strcspn(at, ",");
		union address address;
		if (length < sizeof(text)) {
			memcpy(text, at, length);
			text[length] = 0;
			socklen_t size = parse_address(text, port, &address);
			int fd = size == 0 ? -EADDRNOTAVAIL : connect_to(&address, size, timeout_ms);
			if (fd >= 0)
				return fd;
			failure = fd;
		}
		at += length + (at[length] == ',' ? 1 : 0);
	}
	if (failure == -ETIMEDOUT)
		job_fail(FAILED_SILENT, "did not accept a connection within %d ms", timeout_ms);
	job_fail(FAILED_UNREACHED, "%s", strerror(-failure));
}
