#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "decimal.h"
#include "kernel.h"
#include "overlay-page.h"
#include "stage.h"

#define NAME_SIZE 12

/* The layers of one overlay under the names it is told: their paths, or "0", "1", … below the staging directory. */
struct layers {
	struct string_list paths;
	bool staged;
	unsigned next;
	char name[NAME_SIZE];
};

static const char *next_layer(struct layers *layers)
{
	const char *path = string_list_next(&layers->paths);
	if (path == NULL || !layers->staged)
		return path;
	decimal_text(layers->next++, layers->name);
	return layers->name;
}

static int set_option(struct stage *stage, int fs, const char *key, const char *value)
{
	int set = sys_fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0);
	return set < 0 ? stage_fail(stage, set, "fsconfig", value) : 0;
}

static int overlay_options(struct stage *stage, int fs, const struct rootfs_step *step)
{
	if (step->upper[0] != '\0') {
		int set = set_option(stage, fs, "upperdir", step->upper);
		if (set == 0)
			set = set_option(stage, fs, "workdir", step->work);
		if (set < 0)
			return set;
	}
	struct string_list options = step->options;
	for (const char *option; (option = string_list_next(&options)) != NULL;) {
		int set = filesystem_option(stage, fs, option);
		if (set < 0)
			return set;
	}
	return 0;
}

/*
 * Before 6.5 overlayfs had no options of its own to check: the context took any, and the mount was refused later for
 * the one that was not known. So the kernel is asked for an option that none has.
 */
static bool takes_any_option(int fs)
{
	return sys_fsconfig(fs, FSCONFIG_SET_STRING, "crib-unknown", "1", 0) == 0;
}

static int make(struct stage *stage, const struct rootfs_step *step, struct layers layers)
{
	int fs cleanup_fd = filesystem_open(stage, "overlay");
	if (fs < 0)
		return fs;
	if (takes_any_option(fs))
		return overlay_by_page(stage, step, layers.staged);
	int named = set_option(stage, fs, "source", "overlay");
	if (named < 0)
		return named;
	bool first = true;
	for (const char *path; (path = next_layer(&layers)) != NULL; first = false) {
		int set = sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", path, 0);
		if (set == -EINVAL && first)
			return overlay_by_page(stage, step, layers.staged);
		if (set < 0)
			return stage_fail(stage, set, "fsconfig lowerdir+", path);
	}
	int set = overlay_options(stage, fs, step);
	if (set < 0)
		return set;
	return filesystem_create(stage, fs, 0, step->attach_at);
}

/* Puts one layer, idmapped, on the directory `name` of the working directory. */
static int stage_layer(struct stage *stage, const char *path, const char *name)
{
	int tree cleanup_fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return stage_fail(stage, tree, "open_tree", path);
	int mapped = idmap_tree(stage, tree, 0, path);
	if (mapped < 0)
		return mapped;
	if (mkdirat(AT_FDCWD, name, 0700) < 0)
		return stage_fail(stage, -errno, "mkdirat", name);
	int moved = sys_move_mount(tree, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH);
	return moved < 0 ? stage_fail(stage, moved, "move_mount", path) : 0;
}

/* A tmpfs on the staging directory, with the layers on it, as the working directory. */
static int stage_layers(struct stage *stage, const struct rootfs_step *step, struct layers layers)
{
	int fs cleanup_fd = filesystem_open(stage, "tmpfs");
	if (fs < 0)
		return fs;
	int mount cleanup_fd = filesystem_create(stage, fs, 0, step->attach_at);
	if (mount < 0)
		return mount;
	int moved = sys_move_mount(mount, "", AT_FDCWD, step->attach_at, MOVE_MOUNT_F_EMPTY_PATH);
	if (moved < 0)
		return stage_fail(stage, moved, "move_mount", step->attach_at);
	if (fchdir(mount) < 0)
		return stage_fail(stage, -errno, "fchdir", step->attach_at);
	struct string_list paths = layers.paths;
	for (const char *path; (path = string_list_next(&paths)) != NULL;) {
		int staged = stage_layer(stage, path, next_layer(&layers));
		if (staged < 0)
			return staged;
	}
	return 0;
}

/*
 * Overlay takes idmapped mounts as layers (5.19) by path, and descriptors of ones that are attached nowhere only since
 * 6.15: so they are attached for the moment it takes to make it, which clones them for itself.
 *
 * The writable layer is not idmapped: the overlay works in it as the host's root, which has no id in the namespace.
 */
int overlay_make(struct stage *stage, const struct rootfs_step *step, bool idmapped)
{
	struct layers layers = {.paths = step->lower, .staged = idmapped};
	if (!idmapped)
		return make(stage, step, layers);
	int staged = stage_layers(stage, step, layers);
	if (staged < 0)
		return staged;
	int root cleanup_fd = make(stage, step, layers);
	if (root < 0)
		return root;
	if (chdir("/") < 0)
		return stage_fail(stage, -errno, "chdir", "/");
	int cleared = sys_umount2(step->attach_at, MNT_DETACH);
	return cleared < 0 ? stage_fail(stage, cleared, "umount2", step->attach_at) : take_fd(&root);
}
