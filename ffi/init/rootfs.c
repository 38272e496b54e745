#include <limits.h>
#include <string.h>

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
 * Before 6.5 there is no lowerdir+, and one fsconfig string holds 255 bytes: mount(2) and its page of options, straight
 * onto the place, is what is left.
 */
static int mount_overlay_by_page(struct stage *stage, const struct rootfs_step *step)
{
	char data[PATH_MAX];
	size_t at = 0;
	struct string_list lower = step->lower;
	struct string_list options = step->options;
	int full = append(data, &at, "lowerdir=", false);
	bool first = true;
	for (const char *path; full == 0 && (path = string_list_next(&lower)) != NULL; first = false) {
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
	int root = open(step->attach_at, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? stage_fail(stage, -errno, "open", step->attach_at) : root;
}

static int attach(struct stage *stage, int mount, const char *at)
{
	int moved = sys_move_mount(mount, "", AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH);
	return moved < 0 ? stage_fail(stage, moved, "move_mount", at) : 0;
}

static int mount_overlay(struct stage *stage, const struct rootfs_step *step)
{
	int fs cleanup_fd = filesystem_open(stage, "overlay");
	if (fs < 0)
		return fs;
	int named = set_option(stage, fs, "source", "overlay");
	if (named < 0)
		return named;
	struct string_list lower = step->lower;
	bool first = true;
	for (const char *path; (path = string_list_next(&lower)) != NULL; first = false) {
		int set = sys_fsconfig(fs, FSCONFIG_SET_STRING, "lowerdir+", path, 0);
		if (set == -EINVAL && first)
			return mount_overlay_by_page(stage, step);
		if (set < 0)
			return stage_fail(stage, set, "fsconfig lowerdir+", path);
	}
	int set = overlay_options(stage, fs, step);
	if (set < 0)
		return set;
	int mount cleanup_fd = filesystem_create(stage, fs, 0, step->attach_at);
	if (mount < 0)
		return mount;
	int attached = attach(stage, mount, step->attach_at);
	return attached < 0 ? attached : take_fd(&mount);
}

static int bind_root(struct stage *stage, const char *source, const char *at)
{
	int tree cleanup_fd = sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return stage_fail(stage, tree, "open_tree", source);
	struct mount_attr attr = {.propagation = MS_PRIVATE_BIT};
	int set = sys_mount_setattr(tree, 0, &attr);
	if (set < 0)
		return stage_fail(stage, set, "mount_setattr", source);
	int attached = attach(stage, tree, at);
	return attached < 0 ? attached : take_fd(&tree);
}

int step_rootfs(struct stage *stage, const struct rootfs_step *step)
{
	if (!stage->cut)
		return stage_fail(stage, -EINVAL, "root-propagation has to come first", step->attach_at);
	bool overlay = step->upper[0] != '\0' || step->lower.count > 1;
	struct string_list lower = step->lower;
	int root = overlay ? mount_overlay(stage, step) : bind_root(stage, string_list_next(&lower), step->attach_at);
	if (root < 0)
		return root;
	stage->root = root;
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
