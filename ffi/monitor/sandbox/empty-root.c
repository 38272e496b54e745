#include "monitor/sandbox/empty-root.h"

#include <sys/stat.h>

#include "cleanup.h"
#include "init/init.h"
#include "kernel.h"

#define MS_PRIVATE_BIT (1ul << 18)
#define MS_REC_BIT 16384ul

static int empty_filesystem(void)
{
	int fs cleanup_fd = sys_fsopen("tmpfs");
	if (fs < 0)
		return fs;
	int set = sys_fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "2", 0);
	if (set == 0)
		set = sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0", 0);
	if (set == 0)
		set = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (set < 0)
		return set;
	return sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/* With a place for a procfs, which is nowhere else in it. */
static int make_root(bool with_procfs)
{
	int root cleanup_fd = empty_filesystem();
	if (root < 0)
		return root;
	if (with_procfs && mkdirat(root, "proc", 0) < 0)
		return -errno;
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	int set = sys_mount_setattr(root, 0, &attr);
	return set < 0 ? set : take_fd(&root);
}

static int pivot_to(int root)
{
	int done = sys_mount(NULL, "/", NULL, MS_REC_BIT | MS_PRIVATE_BIT, NULL);
	if (done == 0)
		done = sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (done == 0 && fchdir(root) < 0)
		done = -errno;
	/* With both names "." the old root ends up on top of the new one; see step_pivot. */
	if (done == 0)
		done = sys_pivot_root(".", ".");
	if (done == 0)
		done = sys_umount2(".", MNT_DETACH);
	if (done == 0 && chdir("/") < 0)
		done = -errno;
	return done;
}

int empty_root_enter(bool with_procfs)
{
	struct failure ignored;
	int procfs cleanup_fd = with_procfs ? procfs_open(&ignored) : -1;
	if (with_procfs && procfs < 0)
		return procfs;
	int root cleanup_fd = make_root(with_procfs);
	if (root < 0)
		return root;
	int done = pivot_to(root);
	if (done < 0 || !with_procfs)
		return done;
	return sys_move_mount(procfs, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH);
}
