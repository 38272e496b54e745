#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A rename anywhere on the path makes openat2 give up with EAGAIN; an attacker may keep renaming, so bounded. */
#define OPENAT2_ATTEMPTS 64

int crib_openat(int dir, const char *path, int flags, uint32_t mode)
{
	int fd;
	do {
		fd = openat(dir, path, flags | O_CLOEXEC, (mode_t)mode);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int crib_openat2(int dir, const char *path, int flags, uint32_t mode, uint32_t resolve)
{
	/* Through unsigned: a set sign bit must not spread into the upper half of the kernel's 64-bit flags. */
	struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
	long fd = -1;
	for (int attempt = 0; attempt < OPENAT2_ATTEMPTS; attempt++) {
		fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	return -errno;
}

int crib_write_all(int fd, const uint8_t *bytes, size_t length)
{
	size_t done = 0;
	while (done < length) {
		ssize_t wrote = write(fd, bytes + done, length - done);
		if (wrote < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		/* A regular file never answers 0 to a non-empty write; a device that does would spin us forever. */
		if (wrote == 0)
			return -EIO;
		done += (size_t)wrote;
	}
	return 0;
}

int crib_lsetxattrat(int dir, const char *path, const char *name, const uint8_t *value, size_t length)
{
	/* setxattrat(2) is of Linux 6.13. The O_PATH descriptor pins the link itself, and the magic link under /proc
	 * leads to exactly that inode, so nothing is followed. */
	cleanup_close int fd = openat(dir, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	char link[32];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return setxattr(link, name, value, length, 0) < 0 ? -errno : 0;
}
