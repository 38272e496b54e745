#include <string.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "kernel.h"
#include "stage.h"

int stage_join(struct stage *stage, int pidfd, unsigned namespaces)
{
	/*
	 * One setns for all of them (5.8): either the process is in every namespace of its target or in none. The pid
	 * namespace came with clone, through the monitor's pid_for_children.
	 */
	int joined = sys_setns(pidfd, (int)(namespaces & ~(unsigned)CLONE_NEWPID));
	if (joined == 0 && (namespaces & CLONE_NEWUSER) != 0)
		joined = become_namespace_root();
	return joined < 0 ? stage_fail(stage, joined, "setns", "") : 0;
}

int step_join_namespace(struct stage *stage, const struct join_namespace_step *step)
{
	int fd cleanup_fd = open(step->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return stage_fail(stage, -errno, "open", step->path);
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return stage_fail(stage, -errno, "fstatfs", step->path);
	if ((uint32_t)fs.f_type != NSFS_MAGIC)
		return stage_fail(stage, -EINVAL, "not a namespace", step->path);
	int joined = sys_setns(fd, (int)step->type);
	/* One that is named has been cut off from the host's by who made it. */
	stage->cut = stage->cut || (joined == 0 && step->type == CLONE_NEWNS);
	return joined < 0 ? stage_fail(stage, joined, "setns", step->path) : 0;
}

int step_unshare(struct stage *stage, uint64_t flags)
{
	int done = sys_unshare((unsigned long)flags);
	return done < 0 ? stage_fail(stage, done, "unshare", "") : 0;
}

int step_hostname(struct stage *stage, const char *name)
{
	return sethostname(name, strlen(name)) < 0 ? stage_fail(stage, -errno, "sethostname", name) : 0;
}
