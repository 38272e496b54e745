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
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (step->recursive ? AT_RECURSIVE : 0);
	int tree = sys_open_tree(AT_FDCWD, step->path, flags);
	if (tree < 0)
		return stage_fail(stage, tree, "open_tree", step->path);
	close_and_clear(&stage->slots[step->slot]);
	stage->slots[step->slot] = tree;
	return 0;
}
