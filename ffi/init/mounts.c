#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "kernel.h"
#include "resolve.h"
#include "stage.h"

#define PROC_ROOT_INODE 1

/* Files of procfs that carry no authority and that lxcfs and its like put their own views on. */
static const char *const coverable_proc_files[] = {
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg",
	"/proc/meminfo", "/proc/slabinfo",  "/proc/stat",
	"/proc/swaps",   "/proc/uptime",    "/proc/sys/crypto/fips_enabled",
};

static bool is_procfs(int fd, bool *is_root)
{
	struct statfs fs;
	struct stat inode;
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &inode) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return false;
	*is_root = inode.st_ino == PROC_ROOT_INODE;
	return true;
}

/*
 * What lies on procfs can hide the files that confine the container (CVE-2019-16884): only a procfs may cover its root,
 * and below it only the harmless names, spelled as they are and not reached through some other path.
 */
static int check_over_procfs(struct stage *stage, int target, const char *path, int source)
{
	bool target_root = false;
	bool source_root = false;
	if (!is_procfs(target, &target_root))
		return 0;
	if (target_root && is_procfs(source, &source_root) && source_root)
		return 0;
	for (size_t i = 0; i < sizeof(coverable_proc_files) / sizeof(coverable_proc_files[0]); i++) {
		if (strcmp(path, coverable_proc_files[i]) == 0)
			return 0;
	}
	return stage_fail(stage, -EPERM, "mount over procfs", path);
}

static int attach(struct stage *stage, int mount, int target, const char *path)
{
	int allowed = check_over_procfs(stage, target, path, mount);
	if (allowed < 0)
		return allowed;
	int moved = sys_move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return moved < 0 ? stage_fail(stage, moved, "move_mount", path) : 0;
}

static bool is_same_file(int one, int other)
{
	struct stat a;
	struct stat b;
	return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/*
 * The root itself is no target, by its name or by a link of the image's that leads to it: a mount on it would be above
 * the descriptor every later step resolves from, where no process sees it.
 */
static int open_target(struct stage *stage, const char *path, enum resolve_kind kind)
{
	int root = stage_root(stage);
	if (root < 0)
		return root;
	int target cleanup_fd = resolve_create(root, path, kind);
	if (target < 0)
		return stage_fail(stage, target, "openat2", path);
	if (is_same_file(target, root))
		return stage_fail(stage, -EINVAL, "mount over the root", path);
	return take_fd(&target);
}

/*
 * proc and sysfs must land on ordinary directories of the root itself: an image whose /proc is a link chooses which
 * file the runtime writes labels and sysctls to (CVE-2019-19921, CVE-2023-27561).
 */
static int check_ordinary_directory(struct stage *stage, const char *path)
{
	int fd cleanup_fd = resolve_open(stage->root, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	return fd < 0 ? stage_fail(stage, fd, "must be mounted on an ordinary directory", path) : 0;
}

/* In the other mount namespace, whose root and working directory are the stage's as long as it is there. */
static int clone_from(int mounts)
{
	int entered = sys_setns(mounts, CLONE_NEWNS);
	return entered < 0
		       ? entered
		       : sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
}

static int clone_procfs(struct stage *stage, const struct mount_step *step)
{
	int own cleanup_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return stage_fail(stage, -errno, "open", "/proc/self/ns/mnt");
	int tree cleanup_fd = clone_from(stage->pid_procfs);
	int back = sys_setns(own, CLONE_NEWNS);
	if (tree < 0 || back < 0)
		return stage_fail(stage, tree < 0 ? tree : back, "clone of a procfs", step->target);
	/* A container that may mount has put there what it likes. */
	bool is_root = false;
	if (!is_procfs(tree, &is_root) || !is_root)
		return stage_fail(stage, -EXDEV, "not a procfs", step->target);
	struct mount_attr attr = {
		.attr_set = step->attributes,
		.attr_clr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
			    MOUNT_ATTR__ATIME,
		.propagation = 1ul << 18,
	};
	int set = sys_mount_setattr(tree, 0, &attr);
	return set < 0 ? stage_fail(stage, set, "mount_setattr", step->target) : take_fd(&tree);
}

/*
 * A procfs shows the pid namespace of its maker, and the stage is not in the one it is for. Since 6.17 it can be told;
 * before, one that was made inside is cloned.
 */
static int make_filesystem(struct stage *stage, const struct mount_step *step)
{
	bool proc_of_another = strcmp(step->type, "proc") == 0 && stage->pid_namespace >= 0;
	int fs cleanup_fd = filesystem_open(stage, step->type);
	if (fs < 0)
		return fs;
	if (step->source[0] != '\0') {
		int set = sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", step->source, 0);
		if (set < 0)
			return stage_fail(stage, set, "fsconfig source", step->source);
	}
	struct string_list options = step->options;
	for (const char *option; (option = string_list_next(&options)) != NULL;) {
		int set = filesystem_option(stage, fs, option);
		if (set < 0)
			return set;
	}
	if (proc_of_another && stage->pid_procfs >= 0)
		return clone_procfs(stage, step);
	if (proc_of_another) {
		int set = sys_fsconfig(fs, FSCONFIG_SET_FD, "pidns", NULL, stage->pid_namespace);
		if (set < 0)
			return stage_fail(stage, set, "fsconfig pidns", step->target);
	}
	return filesystem_create(stage, fs, step->attributes, step->target);
}

int step_mount(struct stage *stage, const struct mount_step *step)
{
	int mount cleanup_fd = make_filesystem(stage, step);
	if (mount < 0)
		return mount;
	int target cleanup_fd = open_target(stage, step->target, RESOLVE_DIRECTORY);
	if (target < 0)
		return target;
	if (strcmp(step->type, "proc") == 0 || strcmp(step->type, "sysfs") == 0) {
		int ordinary = check_ordinary_directory(stage, step->target);
		if (ordinary < 0)
			return ordinary;
	}
	return attach(stage, mount, target, step->target);
}

static uint64_t propagation_flag(uint8_t propagation)
{
	switch ((enum plan_propagation)propagation) {
	case PROPAGATION_PRIVATE:
		return 1ul << 18;
	case PROPAGATION_SLAVE:
		return 1ul << 19;
	case PROPAGATION_SHARED:
		return 1ul << 20;
	}
	return 1ul << 18;
}

int step_bind(struct stage *stage, const struct bind_step *step)
{
	int tree = stage->slots[step->slot];
	struct stat source;
	if (tree < 0 || fstat(tree, &source) < 0)
		return stage_fail(stage, -EBADF, "no opened source", step->target);
	/* All mounts of the tree, or those below would still hand mounts to the host and back. */
	struct mount_attr cut = {.propagation = propagation_flag(step->propagation)};
	int set = sys_mount_setattr(tree, AT_RECURSIVE, &cut);
	if (set < 0)
		return stage_fail(stage, set, "mount_setattr", step->target);
	struct mount_attr attr = {
		.attr_set = step->attributes,
		/* The access time modes are one field: without clearing it the kernel refuses to set it. */
		.attr_clr = (step->attributes & MOUNT_ATTR__ATIME) != 0 ? MOUNT_ATTR__ATIME : 0,
	};
	if (step->attributes != 0)
		set = sys_mount_setattr(tree, step->recursive ? AT_RECURSIVE : 0, &attr);
	if (set < 0)
		return stage_fail(stage, set, "mount_setattr", step->target);
	enum resolve_kind kind = S_ISDIR(source.st_mode) ? RESOLVE_DIRECTORY : RESOLVE_FILE;
	int target cleanup_fd = open_target(stage, step->target, kind);
	if (target < 0)
		return target;
	int attached = attach(stage, tree, target, step->target);
	close_and_clear(&stage->slots[step->slot]);
	return attached;
}
