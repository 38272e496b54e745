#include "cleanup.h"
#include "kernel.h"
#include "stage.h"

#define MS_SHARED_BIT (1ul << 20)
#define MS_PRIVATE_BIT (1ul << 18)
#define MS_SLAVE_BIT (1ul << 19)
#define MS_REC_BIT 16384ul

int step_root_propagation(struct stage *stage, uint8_t propagation)
{
	/*
	 * Never left shared while the stage works: what it mounts would appear on the host. Volumes that must reach the
	 * host keep their peer group through the clones that open-source made before this; "shared" then means the
	 * container's own root mount, for mount namespaces nested in it.
	 */
	stage->shared = propagation == PROPAGATION_SHARED;
	stage->cut = true;
	unsigned long type = propagation == PROPAGATION_PRIVATE ? MS_PRIVATE_BIT : MS_SLAVE_BIT;
	int done = sys_mount(NULL, "/", NULL, MS_REC_BIT | type, NULL);
	return done < 0 ? stage_fail(stage, done, "mount", "/") : 0;
}

static int attach(struct stage *stage, int mount, const char *at)
{
	int moved = sys_move_mount(mount, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH);
	return moved < 0 ? stage_fail(stage, moved, "move_mount", at) : 0;
}

int step_rootfs(struct stage *stage, const struct rootfs_step *step, bool idmapped)
{
	if (!stage->cut)
		return stage_fail(stage, -EINVAL, "root-propagation has to come first", step->attach_at);
	bool overlay = step->upper[0] != '\0' || step->lower.count > 1;
	struct string_list lower = step->lower;
	int root cleanup_fd =
		overlay ? overlay_make(stage, step, idmapped) : layer_clone(stage, string_list_next(&lower), idmapped);
	int checked = root < 0 ? root : layers_check(stage, step->lower);
	if (checked < 0)
		return checked;
	/*
	 * What is attached before the mount namespace of a user namespace is made is locked there, and pivot_root
	 * refuses it. The working directory then is the place, since its path is closed to the namespace's root.
	 */
	int placed = 0;
	stage->detached = idmapped;
	if (!idmapped)
		placed = attach(stage, root, step->attach_at);
	else if (chdir(step->attach_at) < 0)
		placed = stage_fail(stage, -errno, "chdir", step->attach_at);
	if (placed < 0)
		return placed;
	stage->root = take_fd(&root);
	return 0;
}

int step_pivot(struct stage *stage)
{
	int root = stage_root(stage);
	if (root < 0)
		return root;
	if (fchdir(root) < 0)
		return stage_fail(stage, -errno, "fchdir", "/");
	/* pivot_root(2): with both names ".", the old root ends up stacked on the new one, and needs no directory in
	 * it. */
	int done = sys_pivot_root(".", ".");
	if (done < 0)
		return stage_fail(stage, done, "pivot_root", "/");
	done = sys_umount2(".", MNT_DETACH);
	if (done < 0)
		return stage_fail(stage, done, "umount2", "old root");
	if (chdir("/") < 0)
		return stage_fail(stage, -errno, "chdir", "/");
	if (!stage->shared)
		return 0;
	struct mount_attr attr = {.propagation = MS_SHARED_BIT};
	done = sys_mount_setattr(root, 0, &attr);
	return done < 0 ? stage_fail(stage, done, "mount_setattr", "/") : 0;
}

int step_read_only_root(struct stage *stage)
{
	int root = stage_root(stage);
	if (root < 0)
		return root;
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	int set = sys_mount_setattr(root, 0, &attr);
	return set < 0 ? stage_fail(stage, set, "mount_setattr", "/") : 0;
}
