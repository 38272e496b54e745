#include <errno.h>

#include "cleanup.h"
#include "kernel.h"
#include "monitor/monitor.h"

/* CRIB_OLD_PROCFS builds a monitor that does as on an old kernel, for the tests. */
static int takes_pid_namespace(void)
{
#ifdef CRIB_OLD_PROCFS
	return 0;
#else
	int fs cleanup_fd = sys_fsopen("proc");
	if (fs < 0)
		return fs;
	int own cleanup_fd = open_of_process(getpid(), "/ns/pid", O_RDONLY);
	if (own < 0)
		return own;
	int set = sys_fsconfig(fs, FSCONFIG_SET_FD, "pidns", NULL, own);
	/* Only this is an answer: a kernel without memory is not an old one. */
	return set == -EINVAL ? 0 : set < 0 ? set : 1;
#endif
}

int pid_procfs_is_needed(void)
{
	static enum { UNKNOWN, NEEDED, NOT_NEEDED } known;
	if (known == UNKNOWN) {
		int takes = takes_pid_namespace();
		if (takes < 0)
			return takes;
		known = takes ? NOT_NEEDED : NEEDED;
	}
	return known == NEEDED;
}

int pid_procfs_open(const struct plan *plan)
{
	/* An exec mounts nothing. */
	bool from_pod = plan->pid_namespace == PLAN_PIDNS_POD;
	bool from_process = plan->pid_namespace == PLAN_PIDNS_PROCESS;
	if (plan->join || (!from_pod && !from_process))
		return -1;
	int needed = pid_procfs_is_needed();
	if (needed <= 0)
		return needed < 0 ? needed : -1;
	if (from_process)
		return open_of_process((pid_t)plan->pid_namespace_process, "/ns/mnt", O_RDONLY);
	return monitor.init_mounts < 0 ? -ENOENT : (int)negative_errno(fcntl(monitor.init_mounts, F_DUPFD_CLOEXEC, 0));
}
