#include <sys/prctl.h>

#include "cleanup.h"
#include "kernel.h"
#include "stage.h"

int become_namespace_root(void)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0 ||
	    syscall(SYS_setresuid, 0, 0, 0) < 0)
		return -errno;
	/* The change of ids may have put back what fs.suid_dumpable says. */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int idmap_tree(struct stage *stage, int tree, unsigned flags, const char *path)
{
	if (stage->user_namespace < 0)
		return stage_fail(stage, -EINVAL, "the pod has no user namespace", path);
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)stage->user_namespace,
	};
	int set = sys_mount_setattr(tree, flags, &attr);
	return set < 0 ? stage_fail(stage, set, "idmapped mount", path) : 0;
}

static int attach_root(struct stage *stage)
{
	int moved = sys_move_mount(stage->root, "", AT_FDCWD, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return moved < 0 ? stage_fail(stage, moved, "move_mount", "/") : 0;
}

/*
 * The namespaces a container is confined by have to belong to the pod's user namespace, and a pid namespace can only be
 * born into. So the stage enters, and a child that is its sibling, not its child, goes on with the plan. Everything
 * that takes the host's privilege lies behind it then: opening sources by path, idmapping, the overlay, limits.
 *
 * The child waits until the monitor knows it: an earlier death could not be assigned to a launch.
 */
int step_enter_user_namespace(struct stage *stage, uint64_t flags)
{
	if (stage->user_namespace < 0)
		return stage_fail(stage, -EINVAL, "the pod has no user namespace", "");
	/* One of the stage's own pid namespace is not the user namespace's to make. */
	int procfs = stage->labelled ? stage_procfs(stage) : 0;
	if (procfs < 0)
		return procfs;
	int entered = sys_setns(stage->user_namespace, CLONE_NEWUSER);
	if (entered == 0)
		entered = become_namespace_root();
	if (entered < 0)
		return stage_fail(stage, entered, "setns", "user namespace");
	close_and_clear(&stage->user_namespace);

	int pidfd = -1;
	struct clone_args args = {
		.flags = flags | CLONE_PARENT | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
	};
	pid_t pid = sys_clone3(&args);
	if (pid < 0)
		return stage_fail(stage, (int)pid, "clone3", "user namespace");
	if (pid > 0) {
		struct report report = {.kind = REPORT_CHILD};
		_exit(stage_send(stage, &report, pidfd) < 0 ? 127 : 0);
	}
	char known;
	if (read(stage->report, &known, 1) != 1)
		_exit(127);
	setsid();
	int attached = stage->detached ? attach_root(stage) : 0;
	stage->detached = false;
	return attached;
}
