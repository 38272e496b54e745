#include <string.h>

#include "cleanup.h"
#include "kernel.h"
#include "resolve.h"
#include "stage.h"

/*
 * The part of an image at `path`, as a tree of its own. Links are followed inside the image: its author chose them, and
 * none leads out. Before 6.15 only what is attached can be cloned, so the image is attached for that moment.
 */
static int open_part(struct stage *stage, int image, const char *staging, const char *path)
{
	int moved = sys_move_mount(image, "", AT_FDCWD, staging, MOVE_MOUNT_F_EMPTY_PATH);
	if (moved < 0)
		return stage_fail(stage, moved, "move_mount", staging);
	int part = -1;
	int inside cleanup_fd = resolve_open(image, path, O_PATH, 0);
	if (inside < 0)
		stage_fail(stage, inside, "no such path in the image", path);
	else
		part = sys_open_tree(inside, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (inside >= 0 && part < 0)
		stage_fail(stage, part, "open_tree", path);
	int cleared = sys_umount2(staging, MNT_DETACH);
	if (cleared < 0) {
		close_and_clear(&part);
		return stage_fail(stage, cleared, "umount2", staging);
	}
	return inside < 0 ? inside : part;
}

int step_open_image(struct stage *stage, const struct open_image_step *step)
{
	if (!stage->cut)
		return stage_fail(stage, -EINVAL, "root-propagation has to come first", step->staging);
	struct rootfs_step overlay = {.lower = step->lower, .upper = "", .work = "", .attach_at = step->staging};
	struct string_list lower = step->lower;
	int image cleanup_fd = step->lower.count > 1 ? overlay_make(stage, &overlay, step->idmapped)
						     : layer_clone(stage, string_list_next(&lower), step->idmapped);
	int checked = image < 0 ? image : layers_check(stage, step->lower);
	if (checked < 0)
		return checked;
	int tree = step->path[0] == '\0' ? take_fd(&image) : open_part(stage, image, step->staging, step->path);
	if (tree < 0)
		return tree;
	close_and_clear(&stage->slots[step->slot]);
	stage->slots[step->slot] = tree;
	return 0;
}
