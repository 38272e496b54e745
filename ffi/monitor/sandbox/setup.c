#include "monitor/sandbox/setup.h"

#include <sys/socket.h>

#include "cleanup.h"
#include "init/init.h"
#include "kernel.h"
#include "monitor/sandbox/configure.h"
#include "monitor/sandbox/pid-init.h"
#include "monitor/sandbox/pid-procfs.h"
#include "monitor/sandbox/pod-user-namespace.h"
#include "monitor/transport/reply.h"
#include "monitor/transport/send.h"

#define SHAREABLE ((uint64_t)(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS))

static _Noreturn void pid_init(int channel, int monitor_pidfd, bool with_procfs)
{
	int done = pid_init_leave_host(monitor_pidfd, with_procfs);
	char go;
	if (write(channel, &done, sizeof(done)) != sizeof(done) || done < 0 || read(channel, &go, 1) != 1)
		_exit(1);
	pid_init_run(channel, with_procfs);
}

/* No other process knows the namespace before the monitor has heard that its first process is harmless. */
static int start_pid_init(struct sandbox *sandbox, struct failure *failure)
{
	int with_procfs = pid_procfs_is_needed(sandbox->host);
	if (with_procfs < 0)
		return failure_set(failure, with_procfs, "fsconfig", "a procfs of the pid namespace");
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return failure_set(failure, -errno, "socketpair", "");
	int ours cleanup_fd = sockets[0];
	int theirs cleanup_fd = sockets[1];
	int self cleanup_fd = sys_pidfd_open(getpid());
	if (self < 0)
		return failure_set(failure, self, "pidfd_open", "");
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&sandbox->init_pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = sys_clone3(&args);
	if (pid == 0) {
		close(ours);
		pid_init(theirs, self, with_procfs);
	}
	if (pid < 0)
		return failure_set(failure, (int)pid, "clone3", "pid namespace");
	sandbox->init_pid = pid;
	/* Or its death would not end our reading. */
	close_and_clear(&theirs);
	int left = pid_init_wait(ours, failure);
	if (left == 0)
		left = pid_init_keep_procfs(sandbox, with_procfs, failure);
	if (left == 0 && send(ours, "", 1, MSG_NOSIGNAL) < 0)
		left = failure_set(failure, -errno, "send", "init of the pod");
	return left < 0 ? left : pid_init_wait(ours, failure);
}

static int set_up(struct sandbox *sandbox, const struct setup_request *setup, struct failure *failure)
{
	if ((setup->unshare & ~SHAREABLE) != 0)
		return failure_set(failure, -EINVAL, "setup", "unshare flags");
	/* Without namespaces of its own these would be the host's. */
	if (setup->hostname[0] != '\0' && (setup->unshare & CLONE_NEWUTS) == 0)
		return failure_set(failure, -EINVAL, "setup", "hostname without a UTS namespace");
	if (setup->loopback && (setup->unshare & CLONE_NEWNET) == 0)
		return failure_set(failure, -EINVAL, "setup", "loopback without a network namespace");

	/* Those made ahead are the host's user namespace's, and cannot be given back. */
	if (sandbox->unshared != 0 && (sandbox->unshared != setup->unshare || setup->uids.count > 0))
		return failure_set(failure, -EINVAL, "setup", "other namespaces than were made ahead");

	if (setup->uids.count > 0) {
		sandbox->set_up = true;
		return pod_user_namespace_make(sandbox, setup, failure);
	}
	int done = sandbox->unshared != 0 ? 0 : sys_unshare((unsigned long)setup->unshare);
	if (done < 0)
		return failure_set(failure, done, "unshare", "");
	sandbox->set_up = true;
	int procfs cleanup_fd = setup->sysctl_count == 0 ? -1 : procfs_open(failure);
	if (procfs < 0 && setup->sysctl_count > 0)
		return procfs;
	done = sandbox_configure(setup, procfs, failure);
	if (done == 0 && setup->pid_init)
		done = start_pid_init(sandbox, failure);
	return done;
}

/* The most expensive part of a setup (a network namespace takes 0.7 ms), for a monitor whose pod has yet to come. */
void sandbox_unshare(struct sandbox *sandbox, struct connection *connection, const struct request *request)
{
	int done = -EALREADY;
	if ((request->unshare & ~SHAREABLE) != 0)
		done = -EINVAL;
	else if (!sandbox->set_up && sandbox->unshared == 0)
		done = sys_unshare((unsigned long)request->unshare);
	if (done < 0) {
		reply_errno(connection, request->number, done, "unshare", "");
		return;
	}
	sandbox->unshared = request->unshare;
	reply_ok(connection, request->number);
}

void sandbox_setup(struct sandbox *sandbox, struct connection *connection, const struct request *request)
{
	if (sandbox->set_up) {
		reply_errno(connection, request->number, -EALREADY, "setup", "already done");
		return;
	}
	struct failure failure = {0};
	if (set_up(sandbox, &request->setup, &failure) < 0) {
		reply_failure(connection, request->number, &failure);
		return;
	}
	struct frame frame;
	frame_begin(&frame, FRAME_OK, request->number);
	frame_u32(&frame, (uint32_t)sandbox->init_pid);
	frame_u32(&frame, 0);
	connection_send(connection, &frame);
}
