#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LAYER_ATTRIBUTES (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define NAME_SIZE 40

/* fsconfig takes no string over 255 bytes, so both files are named by their descriptors. */
static int open_named(const char *path, char name[NAME_SIZE], struct crib_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return crib_fail(err, errno, "open layer", path);
	snprintf(name, NAME_SIZE, "/proc/thread-self/fd/%d", fd);
	return fd;
}

static int config_string(int context, const char *key, const char *value, const char *path, struct crib_err *err)
{
	if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0) < 0)
		return crib_fail(err, errno, "fsconfig", path);
	return 0;
}

int crib_layer_mount(const char *index, const char *archive, struct crib_err *err)
{
	char index_name[NAME_SIZE], archive_name[NAME_SIZE];
	cleanup_close int index_fd = open_named(index, index_name, err);
	if (index_fd < 0)
		return index_fd;
	cleanup_close int archive_fd = open_named(archive, archive_name, err);
	if (archive_fd < 0)
		return archive_fd;
	cleanup_close int context = (int)syscall(SYS_fsopen, "erofs", FSOPEN_CLOEXEC);
	if (context < 0)
		return crib_fail(err, errno, "fsopen", "erofs");
	int result = config_string(context, "source", index_name, index, err);
	if (result == 0)
		result = config_string(context, "device", archive_name, archive, err);
	if (result < 0)
		return result;
	if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return crib_fail(err, errno, "fsconfig create", index);
	int root = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, LAYER_ATTRIBUTES);
	return root < 0 ? crib_fail(err, errno, "fsmount", index) : root;
}
