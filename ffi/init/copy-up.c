#include <limits.h>
#include <string.h>

#include "arena.h"
#include "cleanup.h"
#include "copy-inode.h"
#include "kernel.h"
#include "resolve.h"
#include "stage.h"

/*
 * A volume that an image declares begins with what the image has there: content, owners, modes, attributes, links
 * between its files. Both trees are walked by descriptor, below their own tops and through no link, so that neither
 * leads anywhere else. Directories wait in a list: a tree of the image's making has any depth, descriptors and the
 * stack have not.
 */
#define BUCKETS 4096
#define LISTING 32768

/* struct linux_dirent64 */
struct entry {
	uint64_t inode;
	int64_t next;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* One directory is read at a time. */
static _Alignas(struct entry) char listing[LISTING];

struct waiting {
	struct waiting *next;
	char path[];
};

/* A file of several names, under the first that was met. */
struct met {
	struct met *next;
	dev_t device;
	ino_t inode;
	char path[];
};

struct copy {
	struct stage *stage;
	int from;
	int to;
	struct waiting *first;
	struct waiting **last;
	struct met **met;
	struct arena memory;
};

/* `directory` is "" for the top. */
static int joined(char path[PATH_MAX], const char *directory, const char *name)
{
	size_t before = strlen(directory);
	size_t length = strlen(name);
	if (before + 1 + length >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path, directory, before);
	if (before > 0)
		path[before++] = '/';
	memcpy(path + before, name, length + 1);
	return 0;
}

static int wait_for(struct copy *copy, const char *path)
{
	struct waiting *entry = arena_take(&copy->memory, sizeof(*entry) + strlen(path) + 1);
	if (entry == NULL)
		return -ENOMEM;
	strcpy(entry->path, path);
	*copy->last = entry;
	copy->last = &entry->next;
	return 0;
}

static struct met **bucket(struct copy *copy, const struct stat *stat)
{
	return &copy->met[(stat->st_ino ^ stat->st_dev) % BUCKETS];
}

static int meet(struct copy *copy, const struct stat *stat, const char *path)
{
	struct met *entry = arena_take(&copy->memory, sizeof(*entry) + strlen(path) + 1);
	if (entry == NULL)
		return -ENOMEM;
	struct met **place = bucket(copy, stat);
	*entry = (struct met){.next = *place, .device = stat->st_dev, .inode = stat->st_ino};
	strcpy(entry->path, path);
	*place = entry;
	return 0;
}

/* The name under which this file was copied already; NULL when it was not. */
static const char *met_as(struct copy *copy, const struct stat *stat)
{
	const struct met *entry = *bucket(copy, stat);
	while (entry != NULL && (entry->device != stat->st_dev || entry->inode != stat->st_ino))
		entry = entry->next;
	return entry == NULL ? NULL : entry->path;
}

static int open_below(int top, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	return sys_openat2(top, path[0] == '\0' ? "." : path, &how);
}

/* `path` is the entry's below both tops, `name` the last part of it. */
static int copy_entry(struct copy *copy, int from, int to, const char *name, const char *path)
{
	struct stat stat;
	const char *what = "fstatat";
	if (fstatat(from, name, &stat, AT_SYMLINK_NOFOLLOW) < 0)
		return stage_fail(copy->stage, -errno, what, path);
	if (S_ISDIR(stat.st_mode)) {
		if (mkdirat(to, name, 0700) < 0)
			return stage_fail(copy->stage, -errno, "mkdirat", path);
		int listed = wait_for(copy, path);
		return listed < 0 ? stage_fail(copy->stage, listed, "mmap", path) : 0;
	}
	const char *other = stat.st_nlink > 1 ? met_as(copy, &stat) : NULL;
	if (other != NULL)
		return linkat(copy->to, other, to, name, 0) < 0 ? stage_fail(copy->stage, -errno, "linkat", path) : 0;
	int copied = copy_inode(from, to, name, &stat, &what);
	/* A device is what a stage inside another container may not make; the volume is of use without. */
	if (copied == -EPERM && (S_ISCHR(stat.st_mode) || S_ISBLK(stat.st_mode)))
		return stage_warn(copy->stage, copied, what, path);
	if (copied == 0 && stat.st_nlink > 1)
		copied = meet(copy, &stat, path);
	return copied < 0 ? stage_fail(copy->stage, copied, what, path) : 0;
}

static int copy_listed(struct copy *copy, ssize_t length, int from, int to, const char *directory)
{
	for (ssize_t at = 0; at < length;) {
		const struct entry *entry = (const void *)(listing + at);
		at += entry->size;
		if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
			continue;
		char path[PATH_MAX];
		int fits = joined(path, directory, entry->name);
		if (fits < 0)
			return stage_fail(copy->stage, fits, "copy volume", directory);
		int copied = copy_entry(copy, from, to, entry->name, path);
		if (copied < 0)
			return copied;
	}
	return 0;
}

static int copy_entries(struct copy *copy, int from, int to, const char *directory)
{
	for (;;) {
		ssize_t length = negative_errno(syscall(SYS_getdents64, from, listing, sizeof(listing)));
		if (length < 0)
			return stage_fail(copy->stage, (int)length, "getdents64", directory);
		if (length == 0)
			return 0;
		int copied = copy_listed(copy, length, from, to, directory);
		if (copied < 0)
			return copied;
	}
}

static int copy_directory(struct copy *copy, const char *directory)
{
	int from cleanup_fd = open_below(copy->from, directory);
	if (from < 0)
		return stage_fail(copy->stage, from, "openat2", directory);
	int to cleanup_fd = open_below(copy->to, directory);
	if (to < 0)
		return stage_fail(copy->stage, to, "openat2", directory);
	struct stat stat;
	if (fstat(from, &stat) < 0)
		return stage_fail(copy->stage, -errno, "fstat", directory);
	int copied = copy_entries(copy, from, to, directory);
	if (copied < 0)
		return copied;
	const char *what = "";
	copied = copy_directory_attributes(from, to, &stat, &what);
	return copied < 0 ? stage_fail(copy->stage, copied, what, directory) : 0;
}

static int copy_tree(struct stage *stage, int from, int to)
{
	struct copy copy = {.stage = stage, .from = from, .to = to};
	copy.last = &copy.first;
	copy.met = arena_take(&copy.memory, BUCKETS * sizeof(struct met *));
	int copied = copy.met == NULL ? stage_fail(stage, -ENOMEM, "mmap", "") : copy_directory(&copy, "");
	while (copied == 0 && copy.first != NULL) {
		const struct waiting *entry = copy.first;
		copied = copy_directory(&copy, entry->path);
		copy.first = entry->next;
		if (copy.first == NULL)
			copy.last = &copy.first;
	}
	arena_free(&copy.memory);
	return copied;
}

static int make_tmpfs(struct stage *stage, const struct copy_up_step *step)
{
	int fs cleanup_fd = filesystem_open(stage, "tmpfs");
	if (fs < 0)
		return fs;
	struct string_list options = step->options;
	for (const char *option; (option = string_list_next(&options)) != NULL;) {
		int set = filesystem_option(stage, fs, option);
		if (set < 0)
			return set;
	}
	return filesystem_create(stage, fs, 0, step->path);
}

int step_copy_up(struct stage *stage, const struct copy_up_step *step)
{
	int root = stage_root(stage);
	if (root < 0)
		return root;
	if (step->on_tmpfs) {
		int tmpfs = make_tmpfs(stage, step);
		if (tmpfs < 0)
			return tmpfs;
		close_and_clear(&stage->slots[step->slot]);
		stage->slots[step->slot] = tmpfs;
	}
	int to = stage->slots[step->slot];
	if (to < 0)
		return stage_fail(stage, -EBADF, "no opened source", step->path);
	int from cleanup_fd = resolve_open(root, step->path, O_RDONLY | O_DIRECTORY, 0);
	/* Nothing to begin with; `bind` makes the place. */
	if (from == -ENOENT)
		return 0;
	return from < 0 ? stage_fail(stage, from, "openat2", step->path) : copy_tree(stage, from, to);
}
