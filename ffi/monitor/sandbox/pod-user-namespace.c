#include "monitor/sandbox/pod-user-namespace.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "decimal.h"
#include "init/init.h"
#include "kernel.h"
#include "monitor/sandbox/configure.h"
#include "monitor/sandbox/pid-init.h"
#include "monitor/sandbox/pid-procfs.h"

/*
 * The pod's namespaces have to belong to its user namespace, and a namespace belongs to that of its maker. The monitor
 * cannot be the maker: entering a user namespace ends its privilege over the host for good. So a child makes them all,
 * is given its ids by the monitor, sets the pod up as their root, and the monitor joins everything but the user
 * namespace.
 */

#define MAP_SIZE 16384 /* of 340 lines of at most 33 bytes */

static int become_init(int monitor_pidfd, bool with_procfs)
{
	/* Of the pod's user namespace, unlike one that clone had made while the ids were not there yet. */
	int done = sys_unshare(CLONE_NEWNS);
	return done < 0 ? done : pid_init_leave_host(monitor_pidfd, with_procfs);
}

static _Noreturn void maker(const struct setup_request *setup, int channel, int procfs, int monitor_pidfd,
			    bool procfs_needed)
{
	struct failure failure = {0};
	bool with_procfs = setup->pid_init && procfs_needed;
	char go;
	if (read(channel, &go, 1) != 1)
		_exit(1);
	int done = become_namespace_root();
	if (done < 0)
		failure_set(&failure, done, "setresuid", "root of the user namespace");
	else
		done = sandbox_configure(setup, procfs, &failure);
	if (done == 0 && setup->pid_init) {
		done = become_init(monitor_pidfd, with_procfs);
		if (done < 0)
			failure_set(&failure, done, "init of the pod", "");
	}
	/* Until the monitor is in them the namespaces are held by this process alone. */
	if (write(channel, &failure, sizeof(failure)) < 0 || read(channel, &go, 1) != 1 || failure.code != 0)
		_exit(1);
	if (setup->pid_init)
		pid_init_run(channel, with_procfs);
	_exit(0);
}

/* All lines in one write, as the kernel wants them. */
static int write_map(const struct host *host, pid_t pid, const char *file, const struct id_map *map,
		     struct failure *failure)
{
	static char text[MAP_SIZE];
	size_t length = 0;
	struct reader lines = map->lines;
	for (uint32_t i = 0; i < map->count * 3; i++) {
		length += decimal_text(read_u32(&lines), text + length);
		text[length++] = i % 3 == 2 ? '\n' : ' ';
	}
	int fd cleanup_fd = open_of_process(host, pid, file, O_WRONLY);
	if (fd < 0)
		return failure_set(failure, fd, "open", file);
	return write(fd, text, length) < 0 ? failure_set(failure, -errno, "write", file) : 0;
}

static int set_up_by(const struct host *host, pid_t pid, int channel, const struct setup_request *setup,
		     struct failure *failure)
{
	int done = write_map(host, pid, "/uid_map", &setup->uids, failure);
	if (done == 0)
		done = write_map(host, pid, "/gid_map", &setup->gids, failure);
	if (done < 0)
		return done;
	if (send(channel, "", 1, MSG_NOSIGNAL) < 0)
		return failure_set(failure, -errno, "send", "user namespace");
	if (read(channel, failure, sizeof(*failure)) != sizeof(*failure))
		return failure_set(failure, -ECANCELED, "read", "user namespace");
	return -failure->code;
}

static int join(struct sandbox *sandbox, pid_t pid, int pidfd, const struct setup_request *setup,
		struct failure *failure)
{
	sandbox->user_namespace = open_of_process(sandbox->host, pid, "/ns/user", O_RDONLY);
	if (sandbox->user_namespace < 0)
		return failure_set(failure, sandbox->user_namespace, "open", "/ns/user");
	int joined = setup->unshare == 0 ? 0 : sys_setns(pidfd, (int)setup->unshare);
	return joined < 0 ? failure_set(failure, joined, "setns", "namespaces of the pod") : 0;
}

/*
 * In a user namespace the kernel makes a procfs only where another is in sight, which takes the host's mounts: the
 * maker has a copy of them then, until it has given up its root.
 */
static pid_t clone_among_host_mounts(const struct host *host, struct clone_args *args)
{
	int own cleanup_fd = open_of_process(host, getpid(), "/ns/mnt", O_RDONLY);
	int there = own < 0 ? own : sys_setns(host->mounts, CLONE_NEWNS);
	if (there < 0)
		return there;
	pid_t pid = sys_clone3(args);
	/* To stay there is worse than to end. */
	if (pid != 0 && sys_setns(own, CLONE_NEWNS) < 0)
		_exit(1);
	return pid;
}

int pod_user_namespace_make(struct sandbox *sandbox, const struct setup_request *setup, struct failure *failure)
{
	int needed = pid_procfs_is_needed(sandbox->host);
	if (needed < 0)
		return failure_set(failure, needed, "fsconfig", "a procfs of the pid namespace");
	int procfs cleanup_fd = setup->sysctl_count == 0 ? -1 : procfs_open(failure);
	if (procfs < 0 && setup->sysctl_count > 0)
		return procfs;
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return failure_set(failure, -errno, "socketpair", "");
	int ours cleanup_fd = sockets[0];
	int theirs cleanup_fd = sockets[1];
	int pidfd cleanup_fd = -1;
	int self cleanup_fd = sys_pidfd_open(getpid());
	if (self < 0)
		return failure_set(failure, self, "pidfd_open", "");
	struct clone_args args = {
		.flags = CLONE_NEWUSER | setup->unshare | (setup->pid_init ? CLONE_NEWPID : 0) | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	bool among_host_mounts = setup->pid_init && needed > 0;
	pid_t pid = among_host_mounts ? clone_among_host_mounts(sandbox->host, &args) : sys_clone3(&args);
	if (pid == 0) {
		close(ours);
		maker(setup, theirs, procfs, self, needed > 0);
	}
	if (pid < 0)
		return failure_set(failure, (int)pid, "clone3", "user namespace");
	/* Or its death would not end our reading. */
	close_and_clear(&theirs);
	int done = set_up_by(sandbox->host, pid, ours, setup, failure);
	if (done == 0)
		done = join(sandbox, pid, pidfd, setup, failure);
	if (done == 0 && setup->pid_init) {
		sandbox->init_pid = pid;
		done = pid_init_keep_procfs(sandbox, needed > 0, failure);
	}
	if (done == 0)
		send(ours, "", 1, MSG_NOSIGNAL);
	else
		sys_pidfd_send_signal(pidfd, SIGKILL);
	if (done == 0 && setup->pid_init) {
		sandbox->init_pidfd = take_fd(&pidfd);
		return pid_init_wait(ours, failure);
	}
	waitpid(pid, NULL, 0);
	sandbox->init_pid = 0;
	return done;
}
