#include "check.h"
#include "crib.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void receive_waits_and_gives_up(void)
{
	int pair[2];
	uint8_t into[4];
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(crib_receive(pair[0], into, sizeof(into), 0) == -ETIMEDOUT);
	CHECK(crib_receive(pair[0], into, sizeof(into), 20) == -ETIMEDOUT);
	CHECK(send(pair[1], "abcd", 4, 0) == 4);
	CHECK(crib_receive(pair[0], into, sizeof(into), 1000) == 4 && memcmp(into, "abcd", 4) == 0);
	CHECK(send(pair[1], "abcde", 5, 0) == 5);
	CHECK(crib_receive(pair[0], into, sizeof(into), 1000) == -EMSGSIZE);
	CHECK(crib_receive(-1, into, sizeof(into), 0) < 0);
	close(pair[0]);
	close(pair[1]);
}

static void listening_paths_are_bounded(void)
{
	struct crib_err err;
	char path[200];
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	CHECK(crib_listen_unix(path, 1, &err) == -ENAMETOOLONG);
	CHECK(crib_listen_unix("", 1, &err) == -EINVAL);
	snprintf(path, sizeof(path), "/tmp/crib-shim-test-%d.sock", getpid());
	int fd = crib_listen_unix(path, 1, &err);
	struct stat about;
	CHECK(fd >= 0 && stat(path, &about) == 0 && (about.st_mode & 0777) == 0600);
	CHECK(crib_listen_unix(path, 1, &err) == -EADDRINUSE && strcmp(err.step, "bind") == 0);
	close(fd);
	unlink(path);
}

int main(void)
{
	receive_waits_and_gives_up();
	listening_paths_are_bounded();
	return 0;
}
