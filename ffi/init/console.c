#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "kernel.h"
#include "resolve.h"
#include "stage.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
#ifndef TIOCSPTLCK
#define TIOCSPTLCK 0x40045431
#endif

static const char ptmx_path[] = "/dev/pts/ptmx";
static const char console_path[] = "/dev/console";

/* Whether the descriptor is the multiplexer of a devpts, whatever the container calls it (CVE-2025-52565). */
static bool is_ptmx(int fd, struct stat *node)
{
	struct statfs fs;
	return fstat(fd, node) == 0 && fstatfs(fd, &fs) == 0 && S_ISCHR(node->st_mode) &&
	       node->st_rdev == makedev(5, 2) && fs.f_type == DEVPTS_SUPER_MAGIC;
}

/* Looked at before it is opened for use: opening a stranger's device or fifo is itself an act. */
static int open_master(struct stage *stage)
{
	int root = stage_root(stage);
	if (root < 0)
		return root;
	struct stat seen;
	struct stat opened;
	int look cleanup_fd = resolve_open(root, ptmx_path, O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
	if (look < 0)
		return stage_fail(stage, look, "openat2", ptmx_path);
	if (!is_ptmx(look, &seen))
		return stage_fail(stage, -ENODEV, "not a pty multiplexer", ptmx_path);
	int master cleanup_fd =
		resolve_open(root, ptmx_path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
	if (master < 0)
		return stage_fail(stage, master, "openat2", ptmx_path);
	if (!is_ptmx(master, &opened) || opened.st_dev != seen.st_dev || opened.st_ino != seen.st_ino)
		return stage_fail(stage, -ENODEV, "not a pty multiplexer", ptmx_path);
	int unlocked = 0;
	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return stage_fail(stage, -errno, "TIOCSPTLCK", ptmx_path);
	return take_fd(&master);
}

static int bind_console(struct stage *stage, int terminal)
{
	int tree cleanup_fd = sys_open_tree(terminal, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return stage_fail(stage, tree, "open_tree", console_path);
	int target cleanup_fd = resolve_create(stage->root, console_path, RESOLVE_FILE);
	if (target < 0)
		return stage_fail(stage, target, "openat2", console_path);
	int moved = sys_move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return moved < 0 ? stage_fail(stage, moved, "move_mount", console_path) : 0;
}

/*
 * The pty is the container's: made in its own devpts, so that ttyname finds it there. The slave comes from the master
 * by ioctl, not by a name that could have been replaced; the master goes to the monitor and is closed here.
 */
int step_console(struct stage *stage)
{
	int master cleanup_fd = open_master(stage);
	if (master < 0)
		return master;
	int slave cleanup_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return stage_fail(stage, -errno, "TIOCGPTPEER", ptmx_path);
	if (!stage->joined) {
		int bound = bind_console(stage, slave);
		if (bound < 0)
			return bound;
	}
	struct report report = {.kind = REPORT_TERMINAL};
	int sent = stage_send(stage, &report, master);
	if (sent < 0)
		return stage_fail(stage, sent, "sendmsg", ptmx_path);
	/* Whose it is in the end cannot take it from a stage that has it. */
	stage->terminal = stage_enters(stage);
	if (!stage->terminal && ioctl(slave, TIOCSCTTY, 0) < 0)
		return stage_fail(stage, -errno, "TIOCSCTTY", ptmx_path);
	for (int fd = 0; fd <= 2; fd++) {
		if (dup2(slave, fd) < 0)
			return stage_fail(stage, -errno, "dup2", ptmx_path);
	}
	return 0;
}
