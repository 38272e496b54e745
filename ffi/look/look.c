#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"

/*
 * crib-look: looks at paths that pods and volumes decide, in the daemon's place. A file system may never answer;
 * whoever asks it then waits in the kernel, where SIGKILL does not reach. It is this process, which the daemon leaves
 * behind.
 *
 * Requests on standard input: one letter, the path, a NUL.
 *
 *   s  what is there, links followed
 *   m  the same; where nothing is, a directory is made with all its parents, 0755
 *   r  the real path, as data
 *   f  the content of a regular file of at most FILE_MAX bytes, as data
 *
 * Replies on standard output: struct reply, then its data. The end of the input is the end.
 */

#define FILE_MAX (1u << 20)

struct reply {
	int32_t error; /* 0 or an errno */
	uint32_t mode;
	uint32_t device_major;
	uint32_t device_minor;
	uint32_t uid;
	uint32_t gid;
	uint32_t data_length;
	uint32_t zero;
};

static int write_all(const void *bytes, size_t length)
{
	const char *at = bytes;
	while (length > 0) {
		ssize_t written = write(STDOUT_FILENO, at, length);
		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			at += written;
			length -= (size_t)written;
		}
	}
	return 0;
}

static int look(const char *path, struct reply *reply)
{
	struct stat found;
	if (stat(path, &found) < 0)
		return -errno;
	reply->mode = found.st_mode;
	reply->device_major = major(found.st_rdev);
	reply->device_minor = minor(found.st_rdev);
	reply->uid = found.st_uid;
	reply->gid = found.st_gid;
	return 0;
}

/* Cuts the path at each of its slashes in turn; it is whole again afterwards. */
static int make_directories(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int made = mkdir(path, 0755);
		int failure = errno;
		*slash = '/';
		if (made < 0 && failure != EEXIST)
			return -failure;
	}
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int make(char *path, struct reply *reply)
{
	int looked = look(path, reply);
	if (looked != -ENOENT)
		return looked;
	int made = make_directories(path);
	return made < 0 ? made : look(path, reply);
}

/* Neither a FIFO nor a device may hold us up or be changed by being opened. */
static int read_file(const char *path, struct reply *reply, char *data)
{
	int fd cleanup_fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat found;
	if (fd < 0 || fstat(fd, &found) < 0)
		return -errno;
	if (!S_ISREG(found.st_mode))
		return -EINVAL;
	reply->mode = found.st_mode;
	size_t length = 0;
	for (;;) {
		ssize_t count = read(fd, data + length, FILE_MAX + 1 - length);
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		length += (size_t)count;
		if (length > FILE_MAX)
			return -EFBIG;
	}
	reply->data_length = (uint32_t)length;
	return 0;
}

static int real_path(const char *path, struct reply *reply, char *data)
{
	if (realpath(path, data) == NULL)
		return -errno;
	reply->data_length = (uint32_t)strlen(data);
	return 0;
}

static int answer(char kind, char *path, char *data)
{
	struct reply reply = {0};
	int done = -EINVAL;
	switch (kind) {
	case 's':
		done = look(path, &reply);
		break;
	case 'm':
		done = make(path, &reply);
		break;
	case 'r':
		done = real_path(path, &reply, data);
		break;
	case 'f':
		done = read_file(path, &reply, data);
		break;
	}
	if (done < 0)
		reply = (struct reply){.error = -done};
	int written = write_all(&reply, sizeof(reply));
	return written < 0 ? written : write_all(data, reply.data_length);
}

int main(void)
{
	/* One letter, the longest path, a NUL. */
	static char request[PATH_MAX + 2];
	static char data[FILE_MAX + 1];
	size_t length = 0;
	umask(0);
	prctl(PR_SET_NAME, "crib-look", 0, 0, 0);
	for (;;) {
		ssize_t count = read(STDIN_FILENO, request + length, sizeof(request) - length);
		if (count <= 0)
			return count < 0;
		length += (size_t)count;
		for (char *end; (end = memchr(request, '\0', length)) != NULL;) {
			if (end == request || answer(request[0], request + 1, data) < 0)
				return 1;
			size_t taken = (size_t)(end - request) + 1;
			length -= taken;
			memmove(request, end + 1, length);
		}
		if (length == sizeof(request))
			return 1;
	}
}
