#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "init.h"
#include "kernel.h"

#define PROC_ROOT_INODE 1

int procfs_open(struct failure *failure)
{
	int fs cleanup_fd = sys_fsopen("proc");
	if (fs < 0)
		return failure_set(failure, fs, "fsopen", "proc");
	int created = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (created < 0)
		return failure_set(failure, created, "fsconfig create", "proc");
	int root cleanup_fd = sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (root < 0)
		return failure_set(failure, root, "fsmount", "proc");
	struct statfs stat_fs;
	struct stat stat_root;
	if (fstatfs(root, &stat_fs) < 0 || fstat(root, &stat_root) < 0)
		return failure_set(failure, -errno, "fstat", "proc");
	if (stat_fs.f_type != PROC_SUPER_MAGIC || stat_root.st_ino != PROC_ROOT_INODE)
		return failure_set(failure, -EXDEV, "not a procfs", "proc");
	return take_fd(&root);
}

int procfs_write_sysctl(int procfs, const char *key, const char *value, struct failure *failure)
{
	/* From sys/ itself: beneath the root of procfs, "../sysrq-trigger" would still be beneath. */
	int sys cleanup_fd = openat(procfs, "sys", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sys < 0)
		return failure_set(failure, -errno, "openat", "sys");
	struct open_how how = {
		.flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd cleanup_fd = sys_openat2(sys, key, &how);
	if (fd < 0)
		return failure_set(failure, fd, "openat2", key);
	if (write(fd, value, strlen(value)) < 0)
		return failure_set(failure, -errno, "write", key);
	return 0;
}
