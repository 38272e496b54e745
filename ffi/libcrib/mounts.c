#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* glibc 2.36 carries the new mount API; syscall numbers keep the library loadable on older ones. */
#define VIEW_ATTRIBUTES (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
/* The kernel copies at most 255 bytes of one fsconfig string. */
#define FSCONFIG_STRING_MAX 255
/* overlayfs's own bound (OVL_MAX_STACK). */
#define LOWER_MAX 500

struct view {
	const char *lower;
	uint32_t count;
	struct crib_err *err;
	int result;
};

static void close_all(int *fds, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		crib_close_fd(&fds[i]);
}

static int config_string(int context, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0);
}

/* Before Linux 6.7 there is no `lowerdir+`, and all layers must fit one string: see below why their names are short. */
static int set_lower_joined(int context, const int *fds, uint32_t count, struct crib_err *err)
{
	char joined[FSCONFIG_STRING_MAX + 1];
	size_t used = 0;
	for (uint32_t i = 0; i < count; i++) {
		int wrote = snprintf(joined + used, sizeof(joined) - used, "%s%d", i == 0 ? "" : ":", fds[i]);
		if (wrote < 0 || (size_t)wrote >= sizeof(joined) - used)
			return crib_fail(err, E2BIG, "fsconfig lowerdir", "too many layers for a kernel before 6.7");
		used += (size_t)wrote;
	}
	return config_string(context, "lowerdir", joined) < 0 ? crib_fail(err, errno, "fsconfig lowerdir", joined) : 0;
}

/*
 * Before 6.5 overlayfs had no options of its own to check: the context took any, and the mount was refused later for
 * the one that was not known. So the kernel is asked for an option that none has, in a context that is thrown away.
 */
static bool takes_any_option(void)
{
	cleanup_close int context = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	return context >= 0 && config_string(context, "crib-unknown", "1") == 0;
}

static int set_lower(int context, const int *fds, uint32_t count, struct crib_err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%d", fds[i]);
		if (config_string(context, "lowerdir+", name) < 0) {
			if (i == 0 && errno == EINVAL)
				return set_lower_joined(context, fds, count, err);
			return crib_fail(err, errno, "fsconfig lowerdir+", name);
		}
	}
	return 0;
}

static int open_lower(const struct view *view, int *fds)
{
	const char *path = view->lower;
	for (uint32_t i = 0; i < view->count; i++) {
		fds[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0)
			return crib_fail(view->err, errno, "open layer", path);
		path += strlen(path) + 1;
	}
	return 0;
}

static int overlay_of(const int *fds, const struct view *view)
{
	/* Layers are named by their descriptor's number, relative to /proc/thread-self/fd: a layer's path may be longer
	 * than fsconfig's 255 bytes, and needs no escaping of ':' or ','. */
	if (chdir("/proc/thread-self/fd") < 0)
		return crib_fail(view->err, errno, "chdir", "/proc/thread-self/fd");
	cleanup_close int context = (int)syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC);
	if (context < 0)
		return crib_fail(view->err, errno, "fsopen", "overlay");
	int result = takes_any_option() ? set_lower_joined(context, fds, view->count, view->err)
					: set_lower(context, fds, view->count, view->err);
	if (result < 0)
		return result;
	if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return crib_fail(view->err, errno, "fsconfig create", view->lower);
	int root = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, VIEW_ATTRIBUTES);
	return root < 0 ? crib_fail(view->err, errno, "fsmount", view->lower) : root;
}

/* overlayfs wants an upper or at least two lower directories, so one layer is a bind mount of itself. */
static int bind_of(int layer, const struct view *view)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
	cleanup_close int tree = (int)syscall(SYS_open_tree, layer, "", flags);
	if (tree < 0)
		return crib_fail(view->err, errno, "open_tree", view->lower);
	struct mount_attr attributes = {.attr_set = VIEW_ATTRIBUTES};
	if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
		return crib_fail(view->err, errno, "mount_setattr", view->lower);
	int root = tree;
	tree = -1;
	return root;
}

static void *make_view(void *argument)
{
	struct view *view = argument;
	int fds[LOWER_MAX];
	for (uint32_t i = 0; i < view->count; i++)
		fds[i] = -1;
	/* The working directory becomes this thread's own, so that chdir does not move the whole process. */
	if (unshare(CLONE_FS) < 0) {
		view->result = crib_fail(view->err, errno, "unshare", "CLONE_FS");
		return NULL;
	}
	view->result = open_lower(view, fds);
	if (view->result == 0)
		view->result = view->count == 1 ? bind_of(fds[0], view) : overlay_of(fds, view);
	close_all(fds, view->count);
	return NULL;
}

int crib_overlay_view(const char *lower, uint32_t count, struct crib_err *err)
{
	if (count == 0 || count > LOWER_MAX)
		return crib_fail(err, EINVAL, "count layers", "");
	struct view view = {.lower = lower, .count = count, .err = err, .result = -EINVAL};
	int failed = crib_on_thread(make_view, &view);
	return failed != 0 ? crib_fail(err, failed, "pthread_create", "") : view.result;
}
