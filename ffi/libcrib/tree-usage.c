/*
 * How much of the disk a directory tree uses, measured on a thread of its own: the tree is a container's writable
 * layer, of any depth, size and names, and changes while it is looked at.
 *
 * Nothing is opened by a path of more than one component, no link is followed, no mount entered. Names are bytes. Of
 * each directory on the way down the names of its own directories are kept, and of the lowest few the descriptors; one
 * further up is opened again through "..", and counts as found only if it is the same directory by device and inode.
 */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	max_open = 64,
	entries_between_looks = 512,
	max_seen = 1 << 21,
};

/* Names kept at one time, all directories on the way down together. */
static const size_t max_name_bytes = 64u << 20;

struct level {
	int fd; /* -1: closed for want of descriptors, to be opened through ".." */
	dev_t device;
	ino_t inode;
	char *names; /* NUL-terminated, one after another; taken from the end */
	size_t length, capacity;
};

/* Inodes with several names that were counted, by open addressing; 0 is an empty place, and no inode. */
struct seen {
	ino_t *places;
	size_t used, capacity;
};

struct walk {
	struct crib_tree_limits limits;
	struct crib_tree_usage usage;
	int out;
	int64_t deadline_ms;
	dev_t device;
	struct level *levels;
	size_t depth, capacity;
	size_t name_bytes;
	struct seen seen;
	char path[];
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void add_name(struct walk *walk, struct level *level, const char *name)
{
	size_t size = strlen(name) + 1;
	if (walk->name_bytes + size > max_name_bytes) {
		walk->usage.incomplete = 1;
		return;
	}
	if (level->length + size > level->capacity) {
		size_t capacity = level->capacity * 2 + size;
		char *grown = realloc(level->names, capacity);
		if (grown == NULL) {
			walk->usage.incomplete = 1;
			return;
		}
		level->names = grown;
		level->capacity = capacity;
	}
	memcpy(level->names + level->length, name, size);
	level->length += size;
	walk->name_bytes += size;
}

static size_t place_of(const struct seen *seen, ino_t inode)
{
	size_t at = (size_t)(inode * 0x9e3779b97f4a7c15u) & (seen->capacity - 1);
	while (seen->places[at] != 0 && seen->places[at] != inode)
		at = (at + 1) & (seen->capacity - 1);
	return at;
}

static int grow(struct seen *seen)
{
	struct seen grown = {.used = seen->used, .capacity = seen->capacity == 0 ? 1024 : seen->capacity * 2};
	grown.places = grown.capacity > max_seen ? NULL : calloc(grown.capacity, sizeof(*grown.places));
	if (grown.places == NULL)
		return -1;
	for (size_t at = 0; at < seen->capacity; at++) {
		if (seen->places[at] != 0)
			grown.places[place_of(&grown, seen->places[at])] = seen->places[at];
	}
	free(seen->places);
	*seen = grown;
	return 0;
}

/* Whether a file with several names was counted under another; one too many is counted again. */
static int counted_before(struct seen *seen, ino_t inode)
{
	if (seen->used * 2 >= seen->capacity && grow(seen) < 0)
		return 0;
	size_t at = place_of(seen, inode);
	if (seen->places[at] == inode)
		return 1;
	seen->places[at] = inode;
	seen->used++;
	return 0;
}

static int over(struct walk *walk)
{
	if (walk->usage.entries < walk->limits.max_entries &&
	    (walk->usage.entries % entries_between_looks != 0 || now_ms() < walk->deadline_ms))
		return 0;
	walk->usage.incomplete = 1;
	return 1;
}

static void count(struct walk *walk, struct level *level, const char *name)
{
	struct stat stat;
	/* The workload deletes what it likes meanwhile: what is gone uses nothing. */
	if (fstatat(level->fd, name, &stat, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return;
	walk->usage.entries++;
	if (stat.st_dev != walk->device)
		return;
	if (!S_ISDIR(stat.st_mode) && stat.st_nlink > 1 && counted_before(&walk->seen, stat.st_ino))
		return;
	walk->usage.blocks += (uint64_t)stat.st_blocks;
	walk->usage.inodes++;
	if (S_ISDIR(stat.st_mode))
		add_name(walk, level, name);
}

/* Counts what is in the directory `level->fd`; its own directories wait in `names`. */
static void list(struct walk *walk, struct level *level)
{
	int own = fcntl(level->fd, F_DUPFD_CLOEXEC, 0);
	DIR *directory = own < 0 ? NULL : fdopendir(own);
	if (directory == NULL) {
		if (own >= 0)
			close(own);
		walk->usage.incomplete = 1;
		return;
	}
	for (struct dirent *entry; !over(walk) && (entry = readdir(directory)) != NULL;) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			count(walk, level, entry->d_name);
	}
	closedir(directory);
}

static int push(struct walk *walk, int fd)
{
	struct stat stat;
	if (fstat(fd, &stat) < 0 || stat.st_dev != walk->device) {
		close(fd);
		return -1;
	}
	if (walk->depth == walk->capacity) {
		size_t capacity = walk->capacity == 0 ? max_open : walk->capacity * 2;
		struct level *grown = realloc(walk->levels, capacity * sizeof(*grown));
		if (grown == NULL) {
			close(fd);
			walk->usage.incomplete = 1;
			return -1;
		}
		walk->levels = grown;
		walk->capacity = capacity;
	}
	walk->levels[walk->depth++] = (struct level){.fd = fd, .device = stat.st_dev, .inode = stat.st_ino};
	if (walk->depth > max_open) {
		struct level *far = &walk->levels[walk->depth - 1 - max_open];
		crib_close_fd(&far->fd);
		far->fd = -1;
	}
	list(walk, &walk->levels[walk->depth - 1]);
	return 0;
}

/* Opens a level that was closed on the way down, from the one below; -1 when that was moved elsewhere meanwhile. */
static int reopen(const struct level *level, int below)
{
	int fd = openat(below, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat stat;
	if (fd >= 0 && (fstat(fd, &stat) < 0 || stat.st_dev != level->device || stat.st_ino != level->inode))
		crib_close_fd(&fd), fd = -1;
	return fd;
}

static void pop(struct walk *walk)
{
	struct level *level = &walk->levels[--walk->depth];
	struct level *above = walk->depth == 0 ? NULL : &walk->levels[walk->depth - 1];
	if (above != NULL && above->fd < 0 && level->fd >= 0)
		above->fd = reopen(above, level->fd);
	walk->name_bytes -= level->length;
	crib_close_fd(&level->fd);
	free(level->names);
}

static const char *take_name(struct walk *walk, struct level *level)
{
	if (level->length == 0)
		return NULL;
	size_t end = level->length - 1, start = end;
	while (start > 0 && level->names[start - 1] != '\0')
		start--;
	walk->name_bytes -= level->length - start;
	level->length = start;
	return level->names + start;
}

static void measure(struct walk *walk)
{
	struct stat stat;
	int root = open(walk->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
	if (root < 0 || fstat(root, &stat) < 0) {
		walk->usage.failure = errno;
		crib_close_fd(&root);
		return;
	}
	walk->device = stat.st_dev;
	push(walk, root);
	while (walk->depth > 0) {
		struct level *level = &walk->levels[walk->depth - 1];
		const char *name = over(walk) ? NULL : take_name(walk, level);
		if (name == NULL) {
			pop(walk);
			continue;
		}
		if (level->fd < 0) {
			walk->usage.incomplete = 1;
			continue;
		}
		int fd = openat(level->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME);
		if (fd >= 0)
			push(walk, fd);
		else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			walk->usage.incomplete = 1;
	}
	free(walk->levels);
	free(walk->seen.places);
}

static void *measure_aside(void *argument)
{
	struct walk *walk = argument;
	measure(walk);
	/* Less than PIPE_BUF into an empty pipe: whole, and at once. Its reader may be gone. */
	if (write(walk->out, &walk->usage, sizeof(walk->usage)) < 0)
		walk->usage.failure = errno;
	close(walk->out);
	free(walk);
	return NULL;
}

int crib_tree_usage(const char *path, const struct crib_tree_limits *limits, struct crib_err *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return crib_fail(err, errno, "pipe2", path);
	size_t size = strlen(path) + 1;
	struct walk *walk = calloc(1, sizeof(*walk) + size);
	int failed = walk == NULL ? ENOMEM : 0;
	if (walk != NULL) {
		walk->limits = *limits;
		walk->out = ends[1];
		walk->deadline_ms = now_ms() + (int64_t)limits->max_ms;
		memcpy(walk->path, path, size);
		failed = crib_detached_thread(measure_aside, walk);
	}
	if (failed == 0)
		return ends[0];
	free(walk);
	close(ends[0]);
	close(ends[1]);
	return crib_fail(err, failed, "pthread_create", path);
}
