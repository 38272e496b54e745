#include "cleanup.h"
#include "kernel.h"
#include "stage.h"

#define MS_PRIVATE_BIT (1ul << 18)

int layer_clone(struct stage *stage, const char *path, bool idmapped)
{
	int tree cleanup_fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return stage_fail(stage, tree, "open_tree", path);
	struct mount_attr attr = {.propagation = MS_PRIVATE_BIT};
	int set = sys_mount_setattr(tree, 0, &attr);
	if (set < 0)
		return stage_fail(stage, set, "mount_setattr", path);
	set = idmapped ? idmap_tree(stage, tree, 0, path) : 0;
	return set < 0 ? set : take_fd(&tree);
}
