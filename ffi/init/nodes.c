#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "kernel.h"
#include "resolve.h"
#include "stage.h"

static mode_t type_bits(uint8_t type)
{
	switch ((enum plan_device_type)type) {
	case DEVICE_CHAR:
		return S_IFCHR;
	case DEVICE_BLOCK:
		return S_IFBLK;
	case DEVICE_FIFO:
		return S_IFIFO;
	}
	return 0;
}

static bool is_wanted(const struct stat *node, const struct device_step *step)
{
	if ((node->st_mode & S_IFMT) != type_bits(step->type))
		return false;
	return step->type == DEVICE_FIFO || node->st_rdev == makedev(step->major, step->minor);
}

/*
 * In a user namespace mknod is refused: the host's own node of that path is bound instead, if it is that device.
 * Only before the pivot can the host's path be seen.
 */
static int bind_host_node(struct stage *stage, int parent, const char *name, const struct device_step *step)
{
	int host cleanup_fd = open(step->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat node;
	if (host < 0 || fstat(host, &node) < 0)
		return stage_fail(stage, -errno, "mknodat refused, open", step->path);
	if (!is_wanted(&node, step))
		return stage_fail(stage, -ENODEV, "host's node is another device", step->path);
	int tree cleanup_fd = sys_open_tree(host, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return stage_fail(stage, tree, "open_tree", step->path);
	int file cleanup_fd = openat(parent, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	if (file < 0)
		return stage_fail(stage, -errno, "openat", step->path);
	int moved = sys_move_mount(tree, "", file, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return moved < 0 ? stage_fail(stage, moved, "move_mount", step->path) : 0;
}

int step_device(struct stage *stage, const struct device_step *step)
{
	int root = stage_root(stage);
	if (root < 0)
		return root;
	const char *name;
	int parent cleanup_fd = resolve_parent(root, step->path, &name);
	if (parent < 0)
		return stage_fail(stage, parent, "openat2", step->path);

	mode_t mode = type_bits(step->type) | (mode_t)step->mode;
	dev_t device = makedev(step->major, step->minor);
	int made = mknodat(parent, name, mode, device) < 0 ? -errno : 0;
	if (made == -EEXIST) {
		struct stat existing;
		if (fstatat(parent, name, &existing, AT_SYMLINK_NOFOLLOW) < 0 || !is_wanted(&existing, step))
			return stage_fail(stage, -EEXIST, "mknodat", step->path);
		/* The image's own node of that device, made anew: chmod by name would follow a link that raced in. */
		if (unlinkat(parent, name, 0) < 0)
			return stage_fail(stage, -errno, "unlinkat", step->path);
		made = mknodat(parent, name, mode, device) < 0 ? -errno : 0;
	}
	if (made == -EPERM)
		return bind_host_node(stage, parent, name, step);
	if (made < 0)
		return stage_fail(stage, made, "mknodat", step->path);
	if ((step->uid != 0 || step->gid != 0) && fchownat(parent, name, step->uid, step->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return stage_fail(stage, -errno, "fchownat", step->path);
	return 0;
}

int step_symlink(struct stage *stage, const struct symlink_step *step)
{
	int root = stage_root(stage);
	if (root < 0)
		return root;
	const char *name;
	int parent cleanup_fd = resolve_parent(root, step->path, &name);
	if (parent < 0)
		return stage_fail(stage, parent, "openat2", step->path);
	if (symlinkat(step->target, parent, name) < 0 && errno != EEXIST)
		return stage_fail(stage, -errno, "symlinkat", step->path);
	return 0;
}
