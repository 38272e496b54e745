#include "monitor/process/child.h"

#include <string.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "init/init.h"
#include "kernel.h"

enum child_descriptor {
	CHILD_ERRORS = 3,
	CHILD_REPORT = 4,
	CHILD_JOIN = 5,
	CHILD_USER_NAMESPACE = 6,
	CHILD_PID_NAMESPACE = 7,
	CHILD_PROCFS = 8,
	CHILD_HOST_MOUNTS = 9,
	CHILD_DAEMON = 10,
	CHILD_ENDS = CHILD_PLACES,
};

void child_ends_close(const struct child_ends *ends)
{
	for (int i = 0; i < 3; i++)
		cleanup_close(&ends->stdio[i]);
	cleanup_close(&ends->errors);
	cleanup_close(&ends->report);
	cleanup_close(&ends->join);
	cleanup_close(&ends->pid_namespace);
	cleanup_close(&ends->procfs);
}

/* What is missing would be taken for what was not asked for: no namespace to enter, no input. */
static int require_descriptor(int fd)
{
	if (fd < 0)
		_exit(126);
	return fd;
}

/* In its place in the child, or -1 and nothing there. */
static int put(int fd, enum child_descriptor place)
{
	if (fd >= 0)
		return require_descriptor(dup3(fd, (int)place, O_CLOEXEC));
	close((int)place);
	return -1;
}

static _Noreturn void child(const struct process *process, const struct launch_request *launch, const struct plan *plan,
			    const struct child_ends *ends, int cgroup_step)
{
	const struct sandbox *sandbox = process->among->sandbox;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* 0, 1 and 2 are the null device already: only pipes have to be put there. */
	for (int i = 0; i < 3; i++) {
		if (ends->stdio[i] >= 0)
			require_descriptor(dup2(ends->stdio[i], i));
	}
	struct stage_start start = {
		.errors = put(ends->errors, CHILD_ERRORS),
		.report = put(ends->report, CHILD_REPORT),
		.join = put(ends->join, CHILD_JOIN),
		.user_namespace = put(plan->join ? -1 : sandbox->user_namespace, CHILD_USER_NAMESPACE),
		.pid_namespace = put(ends->pid_namespace, CHILD_PID_NAMESPACE),
		.procfs = put(ends->procfs, CHILD_PROCFS),
		.host_mounts = put(sandbox->host->mounts, CHILD_HOST_MOUNTS),
		/* An exec takes nothing that the daemon holds. */
		.daemon = put(plan->join ? -1 : process->client->source.fd, CHILD_DAEMON),
		.own_mounts = (plan->clone_flags & CLONE_NEWNS) != 0,
		.inherited_oom_score = sandbox->host->inherited_oom_score,
		.cgroup_step = cgroup_step,
	};
	sys_close_range(CHILD_ENDS, ~0u);
	init_run(plan, launch->plan, &start, process->note);
}

/* A descriptor of the cgroup v2 directory that `procs_file` belongs to, or -1. */
static int open_cgroup2(const struct host *host, const char *procs_file)
{
	static const char suffix[] = "/cgroup.procs";
	char path[4096];
	size_t length = strlen(procs_file);
	size_t kept = length - (sizeof(suffix) - 1);
	if (length < sizeof(suffix) || length >= sizeof(path) || strcmp(procs_file + kept, suffix) != 0)
		return -1;
	memcpy(path, procs_file, kept);
	path[kept] = '\0';
	int fd cleanup_fd = host_open(host, path, O_PATH | O_DIRECTORY, 0, 0);
	struct statfs fs;
	if (fd < 0 || fstatfs(fd, &fs) < 0 || (uint32_t)fs.f_type != CGROUP2_SUPER_MAGIC)
		return -1;
	return take_fd(&fd);
}

/*
 * On cgroup v2 clone3 can put the child where one of its leading join-cgroup steps wants it (5.7), which spares the
 * global lock that a migration takes. *index is that step's; -1 comes back when there is none.
 */
static int open_born_cgroup(const struct host *host, const struct plan *plan, int *index)
{
	struct reader cursor = plan->steps;
	struct plan_step step = {0};
	for (*index = 0; plan_next(&cursor, &step) == 1 && step.kind == STEP_JOIN_CGROUP; (*index)++) {
		int fd = open_cgroup2(host, step.path);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

pid_t child_clone(struct process *process, const struct launch_request *launch, const struct plan *plan,
		  const struct child_ends *ends)
{
	int cgroup_step = -1;
	int cgroup cleanup_fd = open_born_cgroup(process_host(process), plan, &cgroup_step);
	struct clone_args args = {
		/* A mount namespace is to be one of the host's, which the child goes back to first. */
		.flags = (plan->clone_flags & ~(uint64_t)CLONE_NEWNS) | CLONE_PIDFD |
			 (cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&process->pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)(unsigned)(cgroup >= 0 ? cgroup : 0),
	};
	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		child(process, launch, plan, ends, cgroup >= 0 ? cgroup_step : -1);
	if (pid >= 0 || cgroup < 0)
		return pid;
	/* The step itself fails with a better message, or works where clone3 does not (a cgroup being killed, an old
	 * kernel). */
	args.flags &= ~(uint64_t)CLONE_INTO_CGROUP;
	args.cgroup = 0;
	pid = sys_clone3(&args);
	if (pid == 0)
		child(process, launch, plan, ends, -1);
	return pid;
}
