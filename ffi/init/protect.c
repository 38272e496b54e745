#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "kernel.h"
#include "resolve.h"
#include "stage.h"

static int attach(struct stage *stage, int mount, int target, const char *path)
{
	int moved = sys_move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return moved < 0 ? stage_fail(stage, moved, "move_mount", path) : 0;
}

/* -ENOENT and -ENOTDIR mean that there is nothing to protect; every other failure ends the launch. */
static bool is_missing(int error)
{
	return error == -ENOENT || error == -ENOTDIR;
}

static int empty_directory(struct stage *stage, const char *path)
{
	int fs cleanup_fd = filesystem_open(stage, "tmpfs");
	if (fs < 0)
		return fs;
	int option = filesystem_option(stage, fs, "source=tmpfs");
	if (option == 0)
		option = filesystem_option(stage, fs, "nr_inodes=1");
	if (option == 0)
		option = filesystem_option(stage, fs, "mode=0555");
	if (option < 0)
		return option;
	return filesystem_create(stage, fs,
				 MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, path);
}

/*
 * One tmpfs covers every masked directory: a node with dozens of them per container (per-CPU thermal files) pays for
 * one. The first mask attaches it and the rest clone it from there, since before 6.15 a detached mount cannot be
 * cloned.
 */
static int mask_directory(struct stage *stage, int target, const char *path)
{
	if (stage->mask_dir < 0) {
		int made = empty_directory(stage, path);
		if (made < 0)
			return made;
		stage->mask_dir = made;
		return attach(stage, made, target, path);
	}
	int clone cleanup_fd = sys_open_tree(stage->mask_dir, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	return clone < 0 ? stage_fail(stage, clone, "open_tree", path) : attach(stage, clone, target, path);
}

/*
 * The container's own /dev/null, held by descriptor and checked to be 1:3: a link in its place would put a file of the
 * attacker's choice where the mask should be (CVE-2025-31133). The host's would let the container chmod the host's
 * node.
 */
static int open_null(struct stage *stage)
{
	static const char path[] = "/dev/null";
	if (stage->null >= 0)
		return stage->null;
	int null cleanup_fd = resolve_open(stage->root, path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
	if (null < 0)
		return stage_fail(stage, null, "openat2", path);
	struct stat node;
	if (fstat(null, &node) < 0)
		return stage_fail(stage, -errno, "fstat", path);
	if (!S_ISCHR(node.st_mode) || node.st_rdev != makedev(1, 3))
		return stage_fail(stage, -ENODEV, "not the null device", path);
	stage->null = take_fd(&null);
	return stage->null;
}

static int mask_file(struct stage *stage, int target, const char *path)
{
	int null = open_null(stage);
	if (null < 0)
		return null;
	int clone cleanup_fd = sys_open_tree(null, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	return clone < 0 ? stage_fail(stage, clone, "open_tree", path) : attach(stage, clone, target, path);
}

int step_mask(struct stage *stage, const char *path)
{
	int root = stage_root(stage);
	if (root < 0)
		return root;
	int target cleanup_fd = resolve_open(root, path, O_PATH, 0);
	if (is_missing(target))
		return 0;
	struct stat found;
	if (target < 0 || fstat(target, &found) < 0)
		return stage_fail(stage, target < 0 ? target : -errno, "openat2", path);
	return S_ISDIR(found.st_mode) ? mask_directory(stage, target, path) : mask_file(stage, target, path);
}

int step_read_only(struct stage *stage, const char *path)
{
	int root = stage_root(stage);
	if (root < 0)
		return root;
	int target cleanup_fd = resolve_open(root, path, O_PATH, 0);
	if (is_missing(target))
		return 0;
	if (target < 0)
		return stage_fail(stage, target, "openat2", path);
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	/* What is a mount already needs no second one on top of it; -EINVAL says that this is none. */
	int in_place = sys_mount_setattr(target, AT_RECURSIVE, &attr);
	if (in_place != -EINVAL)
		return in_place < 0 ? stage_fail(stage, in_place, "mount_setattr", path) : 0;
	int tree cleanup_fd =
		sys_open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
	if (tree < 0)
		return stage_fail(stage, tree, "open_tree", path);
	/* Only adds: nosuid, nodev and noexec of the mount it was cloned from stay. */
	int set = sys_mount_setattr(tree, AT_RECURSIVE, &attr);
	if (set < 0)
		return stage_fail(stage, set, "mount_setattr", path);
	return attach(stage, tree, target, path);
}
