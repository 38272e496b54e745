#include "monitor/process/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "monitor/process/birth.h"
#include "monitor/process/child.h"
#include "monitor/process/launch-deadline.h"
#include "monitor/process/lifecycle.h"
#include "monitor/process/report.h"
#include "monitor/sandbox/pid-procfs.h"
#include "monitor/transport/reply.h"

#define PROCESSES_MAX 4096

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
	int watched = source_watch(process_loop(process), &process->report, sockets[0], EPOLLIN, report_ready);
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
static const struct process *running_process(const struct processes *processes, uint32_t pid)
{
	const struct process *known = process_by_pid(processes, (pid_t)pid);
	return known != NULL && known->state == PROCESS_RUNNING ? known : NULL;
}

static int open_process(const struct processes *processes, uint32_t pid)
{
	const struct process *known = running_process(processes, pid);
	return known != NULL ? (int)negative_errno(fcntl(known->pidfd, F_DUPFD_CLOEXEC, 0)) : -ESRCH;
}

static int open_join(const struct processes *processes, const struct plan *plan, struct child_ends *ends,
		     struct failure *failure)
{
	if (!plan->join)
		return 0;
	ends->join = open_process(processes, plan->join_process);
	return ends->join < 0 ? failure_set(failure, ends->join, "pidfd_open", "joined process") : 0;
}

/* The pid namespace the workload enters where others may be already; left at -1 for a new one and the monitor's own. */
static int open_pid_namespace(const struct processes *processes, const struct plan *plan, struct child_ends *ends,
			      struct failure *failure)
{
	const struct sandbox *sandbox = processes->sandbox;
	pid_t pid = 0;
	switch ((enum plan_pid_namespace)plan->pid_namespace) {
	case PLAN_PIDNS_OWN:
	case PLAN_PIDNS_HOST:
		return 0;
	case PLAN_PIDNS_POD:
		if (sandbox->init_pid == 0)
			return failure_set(failure, -ESRCH, "pid namespace", "the pod has no init");
		pid = sandbox->init_pid;
		break;
	case PLAN_PIDNS_PROCESS:
		if (running_process(processes, plan->pid_namespace_process) == NULL)
			return failure_set(failure, -ESRCH, "pidfd_open", "pid namespace");
		pid = (pid_t)plan->pid_namespace_process;
		break;
	}
	/* Not reaped yet, so the number is still its own. */
	ends->pid_namespace = open_of_process(sandbox->host, pid, "/ns/pid", O_RDONLY);
	if (ends->pid_namespace < 0)
		return failure_set(failure, ends->pid_namespace, "open", "pid namespace");
	ends->procfs = pid_procfs_open(sandbox, plan);
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
	made = source_watch(process_loop(process), &process->errors, ours, EPOLLIN, birth_hear);
	if (made < 0) {
		close(ours);
		return failure_set(failure, made, "epoll_ctl", "errors");
	}
	return 0;
}

/* Always where the monitor is, or in namespaces of its own: what enters those of others is born last, and by the child.
 */
static int spawn(struct process *process, const struct launch_request *launch, const struct plan *plan,
		 struct child_ends *ends, struct failure *failure)
{
	pid_t pid = child_clone(process, launch, plan, ends);
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

static int check(const struct processes *processes, const struct request *request, struct plan *plan,
		 struct failure *failure)
{
	if (processes->closed)
		return failure_set(failure, -ESHUTDOWN, "launch", "the pod is being stopped");
	if (process_find(processes, request->id) != NULL)
		return failure_set(failure, -EEXIST, "launch", request->id);
	unsigned count = 0;
	for (const struct process *process = processes->first; process != NULL; process = process->next)
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
	const struct process *container = process_find(processes, request->launch.container);
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
	int opened = log_open(&process->log, process_host(process), launch->log_path);
	return opened < 0 ? failure_set(failure, opened, "open", launch->log_path) : 0;
}

void launch(struct processes *processes, struct connection *connection, const struct request *request)
{
	struct failure failure = {0};
	struct plan plan;
	if (check(processes, request, &plan, &failure) < 0) {
		reply_failure(connection, request->number, &failure);
		return;
	}
	struct process *process = process_new(processes, request->id);
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
		done = open_join(processes, &plan, &ends, &failure);
	if (done == 0)
		done = open_pid_namespace(processes, &plan, &ends, &failure);
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
