#include <poll.h>
#include <string.h>

#include "cleanup.h"
#include "kernel.h"
#include "stage.h"

#define MS_PRIVATE_BIT (1ul << 18)

/* Mounted layers are links into the daemon's /proc/PID/fd, and their paths end so. */
static bool is_link(const char *path)
{
	size_t length = strlen(path);
	return length >= 2 && strcmp(path + length - 2, "/.") == 0;
}

/*
 * The number of a daemon that was killed may be any process' before the next one makes the links anew, one of a
 * container's included, which can open what it likes. As long as the daemon has not ended, its number was its own; so
 * this is asked after the layers were taken and before anything is made of them.
 */
int layers_check(struct stage *stage, struct string_list layers)
{
	struct pollfd daemon = {.fd = stage->daemon, .events = POLLIN};
	const char *path = string_list_next(&layers);
	while (path != NULL && !is_link(path))
		path = string_list_next(&layers);
	if (path == NULL || stage->daemon == -ENOPROTOOPT)
		return 0;
	if (stage->daemon >= 0 && poll(&daemon, 1, 0) == 0)
		return 0;
	return stage_fail(stage, -ESTALE, "the daemon that holds the layer has ended", path);
}

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
