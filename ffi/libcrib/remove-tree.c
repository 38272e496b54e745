/*
 * Removes what a container has written, on a thread of its own: of any depth, size and names, on a disk that takes its
 * time (5 ms a pod on a busy one).
 *
 * By descriptor and never by path, following no link, and with at most max_open directories open: what lies deeper is
 * moved up into the topmost one before it is emptied. No other process changes the tree.
 */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { max_open = 64 };

struct level {
	DIR *directory;
	int removed; /* names gone since it was read from its start */
	char name[NAME_MAX + 1];
};

struct removal {
	int parent, out;
	size_t depth;
	unsigned moved;
	struct level levels[max_open];
	char name[];
};

static int enter(struct removal *removal, int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	if (directory == NULL) {
		int failed = errno;
		crib_close_fd(&fd);
		return -failed;
	}
	struct level *level = &removal->levels[removal->depth++];
	level->directory = directory;
	level->removed = 0;
	snprintf(level->name, sizeof(level->name), "%s", name);
	return 0;
}

/* Out of the way of the depth, under a name that the topmost directory does not have. */
static int move_up(struct removal *removal, int parent, const char *name)
{
	int top = dirfd(removal->levels[0].directory);
	for (;;) {
		char aside[32];
		snprintf(aside, sizeof(aside), ".crib-removing-%u", removal->moved++);
		if (renameat2(parent, name, top, aside, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
}

static int remove_name(struct removal *removal, struct level *level, const char *name)
{
	int here = dirfd(level->directory);
	if (unlinkat(here, name, 0) == 0 || errno == ENOENT) {
		level->removed++;
		return 0;
	}
	if (errno != EISDIR)
		return -errno;
	if (removal->depth < max_open)
		return enter(removal, here, name);
	level->removed++;
	return move_up(removal, here, name);
}

/* One that is not empty after all is read again: a file system need not show all names to who removes them while
 * reading. */
static int leave(struct removal *removal)
{
	struct level *level = &removal->levels[removal->depth - 1];
	struct level *above = removal->depth == 1 ? NULL : level - 1;
	if (unlinkat(above == NULL ? removal->parent : dirfd(above->directory), level->name, AT_REMOVEDIR) == 0) {
		if (above != NULL)
			above->removed++;
		closedir(level->directory);
		removal->depth--;
		return 0;
	}
	if (errno != ENOTEMPTY || level->removed == 0)
		return -errno;
	level->removed = 0;
	rewinddir(level->directory);
	return 0;
}

static int step(struct removal *removal)
{
	struct level *level = &removal->levels[removal->depth - 1];
	errno = 0;
	struct dirent *entry = readdir(level->directory);
	if (entry == NULL)
		return errno != 0 ? -errno : leave(removal);
	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	return remove_name(removal, level, entry->d_name);
}

static int remove_tree(struct removal *removal)
{
	if (unlinkat(removal->parent, removal->name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -errno;
	int done = enter(removal, removal->parent, removal->name);
	while (done == 0 && removal->depth > 0)
		done = step(removal);
	while (removal->depth > 0)
		closedir(removal->levels[--removal->depth].directory);
	return done;
}

static void *remove_aside(void *argument)
{
	struct removal *removal = argument;
	int32_t failure = -remove_tree(removal);
	/* Less than PIPE_BUF into an empty pipe: whole, and at once. Its reader may be gone. */
	ssize_t told = write(removal->out, &failure, sizeof(failure));
	(void)told;
	close(removal->out);
	close(removal->parent);
	free(removal);
	return NULL;
}

int crib_remove_tree(int parent, const char *name, struct crib_err *err)
{
	int ends[2];
	size_t size = strlen(name) + 1;
	if (size > NAME_MAX + 1 || strchr(name, '/') != NULL)
		return crib_fail(err, EINVAL, "remove", name);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return crib_fail(err, errno, "pipe2", name);
	struct removal *removal = calloc(1, sizeof(*removal) + size);
	int failed = ENOMEM;
	if (removal != NULL) {
		removal->out = ends[1];
		memcpy(removal->name, name, size);
		removal->parent = fcntl(parent, F_DUPFD_CLOEXEC, 0);
		failed = removal->parent < 0 ? errno : crib_detached_thread(remove_aside, removal);
		if (failed == 0)
			return ends[0];
		crib_close_fd(&removal->parent);
	}
	free(removal);
	close(ends[0]);
	close(ends[1]);
	return crib_fail(err, failed, "pthread_create", name);
}
