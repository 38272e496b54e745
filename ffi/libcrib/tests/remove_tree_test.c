#include "check.h"
#include "crib.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int removed(int parent, const char *name)
{
	int fd = crib_remove_tree(parent, name, NULL);
	CHECK(fd >= 0);
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	CHECK(poll(&wait, 1, 30000) == 1);
	int failure = -1;
	CHECK(read(fd, &failure, sizeof(failure)) == (ssize_t)sizeof(failure));
	close(fd);
	return failure;
}

static void make_file(int parent, const char *name)
{
	int fd = openat(parent, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	close(fd);
}

/* Several times as deep as directories are kept open, wide at the bottom, with the names that are used on the way. */
static void deep(int root)
{
	CHECK(mkdirat(root, "deep", 0700) == 0);
	int fd = openat(root, "deep", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_file(fd, ".crib-removing-0");
	for (int depth = 0; depth < 1000; depth++) {
		CHECK(mkdirat(fd, "\377", 0000) == 0);
		int below = openat(fd, "\377", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		CHECK(below >= 0);
		close(fd);
		fd = below;
	}
	for (int i = 0; i < 2000; i++) {
		char name[32];
		snprintf(name, sizeof(name), "name-%d", i);
		make_file(fd, name);
	}
	CHECK(symlinkat("/", fd, "to the root") == 0);
	close(fd);
	CHECK(removed(root, "deep") == 0);
	CHECK(faccessat(root, "deep", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT);
}

static void links_are_not_followed(int root)
{
	CHECK(mkdirat(root, "kept", 0700) == 0);
	make_file(root, "kept/file");
	CHECK(symlinkat("kept", root, "link") == 0);
	CHECK(removed(root, "link") == 0);
	CHECK(faccessat(root, "kept/file", F_OK, 0) == 0);
	CHECK(removed(root, "kept") == 0);
	CHECK(removed(root, "absent") == 0);
}

static void refusals(void)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(removed(proc, "version") == EPERM);
	struct crib_err err = {0};
	CHECK(crib_remove_tree(proc, "sys/kernel", &err) == -EINVAL);
	CHECK(crib_remove_tree(-1, "name", &err) == -EBADF);
	close(proc);
}

int main(void)
{
	char root[] = "/tmp/crib-remove-XXXXXX";
	CHECK(mkdtemp(root) != NULL);
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	deep(fd);
	links_are_not_followed(fd);
	refusals();
	close(fd);
	CHECK(rmdir(root) == 0);
	return 0;
}
