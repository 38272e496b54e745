#include "monitor/sandbox/pid-procfs.h"

#include <errno.h>

#include "cleanup.h"
#include "kernel.h"

/* CRIB_OLD_PROCFS builds a monitor that does as on an old kernel, for the tests. */
static int takes_pid_namespace(const struct host *host)
{
#ifdef CRIB_OLD_PROCFS
	(void)host;
	return 0;
#else
	int fs cleanup_fd = sys_fsopen("proc");
	if (fs < 0)
		return fs;
	int own cleanup_fd = open_of_process(host, getpid(), "/ns/pid", O_RDONLY);
	if (own < 0)
		return own;
	int set = sys_fsconfig(fs, FSCONFIG_SET_FD, "pidns", NULL, own);
	/* Only this is an answer: a kernel without memory is not an old one. */
	return set == -EINVAL ? 0 : set < 0 ? set : 1;
#endif
}

int pid_procfs_is_needed(const struct host *host)
{
	/* Of the kernel: the same for every caller. */
	static enum { UNKNOWN, NEEDED, NOT_NEEDED } known;
	if (known == UNKNOWN) {
		int takes = takes_pid_namespace(host);
		if (takes < 0)
			return takes;
		known = takes ? NOT_NEEDED : NEEDED;
	}
	return known == NEEDED;
}

int pid_procfs_open(const struct sandbox *sandbox, const struct plan *plan)
{
	/* An exec mounts nothing. */
	bool from_pod = plan->pid_namespace == PLAN_PIDNS_POD;
	bool from_process = plan->pid_namespace == PLAN_PIDNS_PROCESS;
	if (plan->join || (!from_pod && !from_process))
		return -1;
	int needed = pid_procfs_is_needed(sandbox->host);
	if (needed <= 0)
		return needed < 0 ? needed : -1;
	if (from_process)
		return open_of_process(sandbox->host, (pid_t)plan->pid_namespace_process, "/ns/mnt", O_RDONLY);
	return sandbox->init_mounts < 0 ? -ENOENT
					: (int)negative_errno(fcntl(sandbox->init_mounts, F_DUPFD_CLOEXEC, 0));
}
