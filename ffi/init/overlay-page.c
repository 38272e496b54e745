#include "overlay-page.h"

#include <fcntl.h>
#include <string.h>

#include "cleanup.h"
#include "decimal.h"
#include "kernel.h"
#include "stage.h"

#define NAME_SIZE 12

/* Appends `text`, escaping what overlayfs splits its options at; -ENAMETOOLONG when full. */
static int append(char *page, size_t *at, const char *text, bool escape)
{
	for (; *text != '\0'; text++) {
		bool special = escape && (*text == ':' || *text == ',' || *text == '\\');
		if (*at + (special ? 2 : 1) >= OVERLAY_PAGE)
			return -ENAMETOOLONG;
		if (special)
			page[(*at)++] = '\\';
		page[(*at)++] = *text;
	}
	page[*at] = '\0';
	return 0;
}

static int append_pair(char *page, size_t *at, const char *key, const char *path)
{
	int full = append(page, at, key, false);
	return full == 0 ? append(page, at, path, true) : full;
}

/* A label has commas: selinux_sb_eat_lsm_opts takes it in quotes here, and only here (fsconfig takes them for a part of
 * it). */
static int append_option(char *page, size_t *at, const char *option)
{
	static const char context[] = "context=";
	bool quoted = strncmp(option, context, sizeof(context) - 1) == 0;
	if (!quoted)
		return append(page, at, option, false);
	int full = append(page, at, "context=\"", false);
	full = full == 0 ? append(page, at, option + sizeof(context) - 1, false) : full;
	return full == 0 ? append(page, at, "\"", false) : full;
}

int overlay_page(char page[OVERLAY_PAGE], const int *layers, unsigned count, const struct rootfs_step *step)
{
	size_t at = 0;
	int full = append(page, &at, "lowerdir=", false);
	for (unsigned i = 0; full == 0 && i < count; i++) {
		char name[NAME_SIZE];
		decimal_text((unsigned)layers[i], name);
		full = i == 0 ? 0 : append(page, &at, ":", false);
		full = full == 0 ? append(page, &at, name, false) : full;
	}
	if (full == 0 && step->upper[0] != '\0') {
		full = append_pair(page, &at, ",upperdir=", step->upper);
		full = full == 0 ? append_pair(page, &at, ",workdir=", step->work) : full;
	}
	struct string_list options = step->options;
	for (const char *option; full == 0 && (option = string_list_next(&options)) != NULL;) {
		full = append(page, &at, ",", false);
		full = full == 0 ? append_option(page, &at, option) : full;
	}
	return full;
}

/* Mounts on the staging directory, from which the mount is taken off again. */
static int mount_page(struct stage *stage, const struct rootfs_step *step, const int *layers)
{
	char page[OVERLAY_PAGE];
	int full = overlay_page(page, layers, step->lower.count, step);
	if (full < 0)
		return stage_fail(stage, full, "more mount options than a page", step->attach_at);
	int mounted = sys_mount("overlay", step->attach_at, "overlay", 0, page);
	if (mounted < 0)
		return stage_fail(stage, mounted, "mount overlay", step->attach_at);
	int root = sys_open_tree(AT_FDCWD, step->attach_at, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	sys_umount2(step->attach_at, MNT_DETACH);
	return root < 0 ? stage_fail(stage, root, "open_tree", step->attach_at) : root;
}

/* The layers as names in the working directory, which becomes the list of the descriptors opened here. */
static int open_layers(struct stage *stage, const struct rootfs_step *step, int *layers)
{
	struct string_list paths = step->lower;
	for (const char *path; (path = string_list_next(&paths)) != NULL; layers++) {
		*layers = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (*layers < 0)
			return stage_fail(stage, -errno, "open layer", path);
	}
	return chdir("/proc/self/fd") < 0 ? stage_fail(stage, -errno, "chdir", "/proc/self/fd") : 0;
}

int overlay_by_page(struct stage *stage, const struct rootfs_step *step, bool staged)
{
	int layers[OVERLAY_LAYERS_MAX];
	if (step->lower.count > OVERLAY_LAYERS_MAX)
		return stage_fail(stage, -E2BIG, "more layers than overlayfs takes", step->attach_at);
	for (unsigned i = 0; i < step->lower.count; i++)
		layers[i] = staged ? (int)i : -1;
	if (staged)
		return mount_page(stage, step, layers);
	int opened = open_layers(stage, step, layers);
	int root = opened < 0 ? opened : mount_page(stage, step, layers);
	for (unsigned i = 0; i < step->lower.count; i++)
		close_and_clear(&layers[i]);
	if (root >= 0 && chdir("/") < 0) {
		close_and_clear(&root);
		return stage_fail(stage, -errno, "chdir", "/");
	}
	return root;
}
