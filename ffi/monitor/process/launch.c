#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "cleanup.h"
#include "init/init.h"
#include "kernel.h"
#include "monitor/monitor.h"

#define PROCESSES_MAX 4096

/* The child's ends; every one of them lies above CHILD_ENDS, because main.c filled those places. */
struct child_ends {
	int stdio[3];
	int errors;
	int report;
	int join;
	int pid_namespace;
	int procfs;
};

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

static void child_ends_close(const struct child_ends *ends)
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
		.user_namespace = put(plan->join ? -1 : monitor.user_namespace, CHILD_USER_NAMESPACE),
		.pid_namespace = put(ends->pid_namespace, CHILD_PID_NAMESPACE),
		.procfs = put(ends->procfs, CHILD_PROCFS),
		.host_mounts = put(monitor.host_mounts, CHILD_HOST_MOUNTS),
		/* An exec takes nothing that the daemon holds. */
		.daemon = put(plan->join ? -1 : process->client->source.fd, CHILD_DAEMON),
		.own_mounts = (plan->clone_flags & CLONE_NEWNS) != 0,
		.inherited_oom_score = monitor.inherited_oom_score,
		.cgroup_step = cgroup_step,
	};
	sys_close_range(CHILD_ENDS, ~0u);
	init_run(plan, launch->plan, &start, process->note);
}

/* A pipe of which `child_end` (0 read, 1 write) goes to the workload; ours does not block. */
static int make_pipe(int child_end, int *ours, int *theirs)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* One that blocks would hold the monitor, and with it the pod. */
	if (fcntl(ends[1 - child_end], F_SETFL, O_NONBLOCK) < 0) {
		int failed = -errno;
		close(ends[0]);
		close(ends[1]);
		return failed;
	}
	*theirs = ends[child_end];
	*ours = ends[1 - child_end];
	return 0;
}

static int make_stdio(struct process *process, struct child_ends *ends, struct failure *failure)
{
	/* A terminal comes from inside the container, with the console step. */
	if (process->terminal)
		return 0;
	int made = process->with_stdin ? make_pipe(0, &process->stdio[0], &ends->stdio[0]) : 0;
	for (int i = 1; made == 0 && i <= 2; i++)
		made = make_pipe(1, &process->stdio[i], &ends->stdio[i]);
	return made < 0 ? failure_set(failure, made, "pipe2", "stdio") : 0;
}

static int make_report(struct process *process, struct child_ends *ends, struct failure *failure)
{
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return failure_set(failure, -errno, "socketpair", "");
	ends->report = sockets[1];
	int watched = source_watch(&process->report, sockets[0], EPOLLIN, report_ready);
	if (watched < 0) {
		close(sockets[0]);
		return failure_set(failure, watched, "epoll_ctl", "");
	}
	return 0;
}

/*
 * A pidfd of a process of this pod, by its number, from the one that is held: it cannot have been reused. A number that
 * is not in the table may be anybody's by now, the host's own included, since the daemon hears of an exit after us.
 */
static const struct process *running_process(uint32_t pid)
{
	const struct process *known = process_by_pid((pid_t)pid);
	return known != NULL && known->state == PROCESS_RUNNING ? known : NULL;
}

static int open_process(uint32_t pid)
{
	const struct process *known = running_process(pid);
	return known != NULL ? (int)negative_errno(fcntl(known->pidfd, F_DUPFD_CLOEXEC, 0)) : -ESRCH;
}

static int open_join(const struct plan *plan, struct child_ends *ends, struct failure *failure)
{
	if (!plan->join)
		return 0;
	ends->join = open_process(plan->join_process);
	return ends->join < 0 ? failure_set(failure, ends->join, "pidfd_open", "joined process") : 0;
}

/* The pid namespace the workload enters where others may be already; left at -1 for a new one and the monitor's own. */
static int open_pid_namespace(const struct plan *plan, struct child_ends *ends, struct failure *failure)
{
	pid_t pid = 0;
	switch ((enum plan_pid_namespace)plan->pid_namespace) {
	case PLAN_PIDNS_OWN:
	case PLAN_PIDNS_HOST:
		return 0;
	case PLAN_PIDNS_POD:
		if (monitor.init_pid == 0)
			return failure_set(failure, -ESRCH, "pid namespace", "the pod has no init");
		pid = monitor.init_pid;
		break;
	case PLAN_PIDNS_PROCESS:
		if (running_process(plan->pid_namespace_process) == NULL)
			return failure_set(failure, -ESRCH, "pidfd_open", "pid namespace");
		pid = (pid_t)plan->pid_namespace_process;
		break;
	}
	/* Not reaped yet, so the number is still its own. */
	ends->pid_namespace = open_of_process(pid, "/ns/pid", O_RDONLY);
	if (ends->pid_namespace < 0)
		return failure_set(failure, ends->pid_namespace, "open", "pid namespace");
	ends->procfs = pid_procfs_open(plan);
	return ends->procfs < -1 ? failure_set(failure, ends->procfs, "open", "a procfs of the pid namespace") : 0;
}

static int make_errors(struct process *process, struct child_ends *ends, struct failure *failure)
{
	if (ends->pid_namespace < 0)
		return 0;
	int ours = -1;
	int made = make_pipe(1, &ours, &ends->errors);
	if (made < 0)
		return failure_set(failure, made, "pipe2", "errors");
	made = source_watch(&process->errors, ours, EPOLLIN, birth_hear);
	if (made < 0) {
		close(ours);
		return failure_set(failure, made, "epoll_ctl", "errors");
	}
	return 0;
}

/* A descriptor of the cgroup v2 directory that `procs_file` belongs to, or -1. */
static int open_cgroup2(const char *procs_file)
{
	static const char suffix[] = "/cgroup.procs";
	char path[4096];
	size_t length = strlen(procs_file);
	size_t kept = length - (sizeof(suffix) - 1);
	if (length < sizeof(suffix) || length >= sizeof(path) || strcmp(procs_file + kept, suffix) != 0)
		return -1;
	memcpy(path, procs_file, kept);
	path[kept] = '\0';
	int fd cleanup_fd = host_open(path, O_PATH | O_DIRECTORY, 0, 0);
	struct statfs fs;
	if (fd < 0 || fstatfs(fd, &fs) < 0 || (uint32_t)fs.f_type != CGROUP2_SUPER_MAGIC)
		return -1;
	return take_fd(&fd);
}

/*
 * On cgroup v2 clone3 can put the child where one of its leading join-cgroup steps wants it (5.7), which spares the
 * global lock that a migration takes. *index is that step's; -1 comes back when there is none.
 */
static int open_born_cgroup(const struct plan *plan, int *index)
{
	struct reader cursor = plan->steps;
	struct plan_step step = {0};
	for (*index = 0; plan_next(&cursor, &step) == 1 && step.kind == STEP_JOIN_CGROUP; (*index)++) {
		int fd = open_cgroup2(step.path);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

static pid_t clone_child(struct process *process, const struct launch_request *launch, const struct plan *plan,
			 const struct child_ends *ends)
{
	int cgroup_step = -1;
	int cgroup cleanup_fd = open_born_cgroup(plan, &cgroup_step);
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

/* Always where the monitor is, or in namespaces of its own: what enters those of others is born last, and by the child.
 */
static int spawn(struct process *process, const struct launch_request *launch, const struct plan *plan,
		 struct child_ends *ends, struct failure *failure)
{
	pid_t pid = clone_child(process, launch, plan, ends);
	if (pid < 0)
		return failure_set(failure, pid, "clone3", "");
	process->pid = pid;
	if (ends->errors >= 0)
		process->report_peer = take_fd(&ends->report);
	return 0;
}

#define ALLOWED_CLONE_FLAGS                                                                                            \
	((uint64_t)CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER |           \
	 CLONE_NEWCGROUP)

static int check(const struct request *request, struct plan *plan, struct failure *failure)
{
	if (monitor.shutting_down)
		return failure_set(failure, -ESHUTDOWN, "launch", "the pod is being stopped");
	if (process_find(request->id) != NULL)
		return failure_set(failure, -EEXIST, "launch", request->id);
	unsigned count = 0;
	for (const struct process *process = monitor.processes; process != NULL; process = process->next)
		count++;
	if (count >= PROCESSES_MAX)
		return failure_set(failure, -EAGAIN, "launch", "too many processes in this pod");
	int opened = plan_open(request->launch.plan.data, request->launch.plan.length, plan, failure);
	if (opened < 0)
		return opened;
	if ((plan->clone_flags & ~ALLOWED_CLONE_FLAGS) != 0)
		return failure_set(failure, -EINVAL, "plan", "clone flags");
	if (request->kind != FRAME_EXEC)
		return 0;
	const struct process *container = process_find(request->launch.container);
	if (container == NULL || container->is_exec || container->state != PROCESS_RUNNING)
		return failure_set(failure, -ESRCH, "exec", "container is not running");
	return 0;
}

static int prepare(struct process *process, const struct launch_request *launch, struct failure *failure)
{
	process->terminal = launch->terminal;
	process->with_stdin = launch->with_stdin;
	process->stdin_once = launch->stdin_once;
	if (launch->oom_file[0] != '\0')
		process->oom_file = strdup(launch->oom_file);
	int noted = birth_note_make(process);
	if (noted < 0)
		return failure_set(failure, noted, "mmap", "");
	int opened = log_open(&process->log, launch->log_path);
	return opened < 0 ? failure_set(failure, opened, "open", launch->log_path) : 0;
}

void launch(struct connection *connection, const struct request *request)
{
	struct failure failure = {0};
	struct plan plan;
	if (check(request, &plan, &failure) < 0) {
		reply_failure(connection, request->number, &failure);
		return;
	}
	struct process *process = process_new(request->id);
	if (process == NULL) {
		reply_errno(connection, request->number, -ENOMEM, "launch", request->id);
		return;
	}
	process->is_exec = request->kind == FRAME_EXEC;
	process->client = connection;
	process->request = request->number;

	struct child_ends ends = {
		.stdio = {-1, -1, -1}, .errors = -1, .report = -1, .join = -1, .pid_namespace = -1, .procfs = -1};
	int done = prepare(process, &request->launch, &failure);
	if (done == 0)
		done = make_stdio(process, &ends, &failure);
	if (done == 0)
		done = make_report(process, &ends, &failure);
	if (done == 0)
		done = open_join(&plan, &ends, &failure);
	if (done == 0)
		done = open_pid_namespace(&plan, &ends, &failure);
	if (done == 0)
		done = make_errors(process, &ends, &failure);
	if (done == 0)
		done = spawn(process, &request->launch, &plan, &ends, &failure);
	child_ends_close(&ends);
	if (done == 0)
		launch_deadline_set(process, request->launch.deadline_ms);
	if (done == 0)
		return; /* answered when execve worked or the child is reaped */
	reply_failure(connection, request->number, &failure);
	process_free(process);
}
