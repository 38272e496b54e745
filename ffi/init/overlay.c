#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "decimal.h"
#include "kernel.h"
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

/* Appends `text` to a mount option string, escaping what overlayfs splits lowerdir at; -ENAMETOOLONG when full. */
static int append(char *data, size_t *at, const char *text, bool escape)
{
	for (; *text != '\0'; text++) {
		bool special = escape && (*text == ':' || *text == ',' || *text == '\\');
		if (*at + (special ? 2 : 1) >= PATH_MAX)
			return -ENAMETOOLONG;
		if (special)
			data[(*at)++] = '\\';
		data[(*at)++] = *text;
	}
	data[*at] = '\0';
	return 0;
}

/*
 * Before 6.5 there is no lowerdir+, and one fsconfig string holds 255 bytes: mount(2) and its page of options is what
 * is left, onto the staging directory, from which the mount is taken off again.
 */
static int make_by_page(struct stage *stage, const struct rootfs_step *step, struct layers layers)
{
	char data[PATH_MAX];
	size_t at = 0;
	struct string_list options = step->options;
	int full = append(data, &at, "lowerdir=", false);
	bool first = true;
	for (const char *path; full == 0 && (path = next_layer(&layers)) != NULL; first = false) {
		if (!first)
			full = append(data, &at, ":", false);
		if (full == 0)
			full = append(data, &at, path, true);
	}
	if (full == 0 && step->upper[0] != '\0') {
		full = append(data, &at, ",upperdir=", false);
		full = full == 0 ? append(data, &at, step->upper, true) : full;
		full = full == 0 ? append(data, &at, ",workdir=", false) : full;
		full = full == 0 ? append(data, &at, step->work, true) : full;
	}
	for (const char *option; full == 0 && (option = string_list_next(&options)) != NULL;) {
		full = append(data, &at, ",", false);
		full = full == 0 ? append(data, &at, option, false) : full;
	}
	if (full < 0)
		return stage_fail(stage, full, "too many layers for mount options", step->attach_at);
	int mounted = sys_mount("overlay", step->attach_at, "overlay", 0, data);
	if (mounted < 0)
		return stage_fail(stage, mounted, "mount overlay", step->attach_at);
	int root = sys_open_tree(AT_FDCWD, step->attach_at, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	sys_umount2(step->attach_at, MNT_DETACH);
	return root < 0 ? stage_fail(stage, root, "open_tree", step->attach_at) : root;
}

static int make(struct stage *stage, const struct rootfs_step *step, struct layers layers)
{
	struct layers again = layers;
	int fs cleanup_fd = filesystem_open(stage, "overlay");
	if (fs < 0)
		return fs;
	int named = set_option(stage, fs, "source", "overlay");
	if (named < 0)
		return named;
	bool first = true;
	for (const char *path; (path = next_layer(&layers)) != NULL; first = false) {
		int set = sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", path, 0);
		if (set == -EINVAL && first)
			return make_by_page(stage, step, again);
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
