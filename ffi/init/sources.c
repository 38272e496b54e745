#include "cleanup.h"
#include "kernel.h"
#include "resolve.h"
#include "stage.h"

int step_idmap_source(struct stage *stage, uint32_t slot)
{
	return idmap_tree(stage, stage->slots[slot], AT_RECURSIVE, "bind");
}

int step_open_source(struct stage *stage, const struct open_source_step *step)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | (step->recursive ? AT_RECURSIVE : 0);
	int tree;
	if (step->root[0] == '\0') {
		tree = sys_open_tree(AT_FDCWD, step->path, flags);
	} else {
		int root cleanup_fd = open(step->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root < 0)
			return stage_fail(stage, -errno, "open", step->root);
		struct open_how how = {
			.flags = O_PATH | O_CLOEXEC,
			.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
		};
		int inside cleanup_fd = sys_openat2(root, step->path, &how);
		if (inside < 0)
			return stage_fail(stage, inside, "openat2", step->path);
		tree = sys_open_tree(inside, "", flags);
	}
	if (tree < 0)
		return stage_fail(stage, tree, "open_tree", step->path);
	close_and_clear(&stage->slots[step->slot]);
	stage->slots[step->slot] = tree;
	return 0;
}
