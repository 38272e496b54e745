#include <errno.h>

#include "cleanup.h"
#include "kernel.h"
#include "monitor.h"

/* CRIB_OLD_PROCFS builds a monitor that does as on an old kernel, for the tests. */
static bool takes_pid_namespace(void)
{
#ifdef CRIB_OLD_PROCFS
	return false;
#else
	int fs cleanup_fd = sys_fsopen("proc");
	int own cleanup_fd = open_of_process(getpid(), "/ns/pid", O_RDONLY);
	return fs >= 0 && own >= 0 && sys_fsconfig(fs, FSCONFIG_SET_FD, "pidns", NULL, own) == 0;
#endif
}

bool pid_procfs_is_needed(void)
{
	static enum { UNKNOWN, NEEDED, NOT_NEEDED } known;
	if (known == UNKNOWN)
		known = takes_pid_namespace() ? NOT_NEEDED : NEEDED;
	return known == NEEDED;
}

int pid_procfs_open(const struct plan *plan)
{
	/* An exec mounts nothing. */
	bool from_pod = plan->pid_namespace == PLAN_PIDNS_POD;
	bool from_process = plan->pid_namespace == PLAN_PIDNS_PROCESS;
	if (plan->join || (!from_pod && !from_process) || !pid_procfs_is_needed())
		return -1;
	if (from_process)
		return open_of_process((pid_t)plan->pid_namespace_process, "/ns/mnt", O_RDONLY);
	return monitor.init_mounts < 0 ? -ENOENT : (int)negative_errno(fcntl(monitor.init_mounts, F_DUPFD_CLOEXEC, 0));
}
