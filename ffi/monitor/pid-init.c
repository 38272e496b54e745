#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "init.h"
#include "kernel.h"
#include "monitor.h"

#define MS_PRIVATE_BIT (1ul << 18)
#define MS_REC_BIT 16384ul
#define KEYCTL_JOIN_SESSION_KEYRING 1
#define LAST_CAPABILITY 63
/* The only descriptor, until the monitor has heard. */
#define CHANNEL 0

/*
 * PID 1 of the pid namespace that a pod's containers share: the kernel gives it the orphans, and when it dies,
 * everything in the namespace dies with it. It is deaf to every signal from inside that it has no handler for.
 *
 * The containers see it, and one that may trace can do with it as it likes (kubernetes.io documents the capability for
 * such pods). So it is nobody: an empty root, no descriptor, no capability, no memory but the program, and a filter
 * that leaves it nothing but waiting.
 */

/* All that reaping needs, and to say once that it has begun; anything else is refused. */
static const struct sock_filter only_reaping[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 8),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_wait4, 5, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigtimedwait, 4, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_restart_syscall, 3, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

static int empty_filesystem(void)
{
	int fs cleanup_fd = sys_fsopen("tmpfs");
	if (fs < 0)
		return fs;
	int set = sys_fsconfig(fs, FSCONFIG_SET_STRING, "nr_inodes", "2", 0);
	if (set == 0)
		set = sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0", 0);
	if (set == 0)
		set = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (set < 0)
		return set;
	return sys_fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/* With a place for a procfs, which is nowhere else in it. */
static int make_root(bool with_procfs)
{
	int root cleanup_fd = empty_filesystem();
	if (root < 0)
		return root;
	if (with_procfs && mkdirat(root, "proc", 0) < 0)
		return -errno;
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	int set = sys_mount_setattr(root, 0, &attr);
	return set < 0 ? set : take_fd(&root);
}

static int pivot_to(int root)
{
	int done = sys_mount(NULL, "/", NULL, MS_REC_BIT | MS_PRIVATE_BIT, NULL);
	if (done == 0)
		done = sys_move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (done == 0 && fchdir(root) < 0)
		done = -errno;
	/* With both names "." the old root ends up on top of the new one; see step_pivot. */
	if (done == 0)
		done = sys_pivot_root(".", ".");
	if (done == 0)
		done = sys_umount2(".", MNT_DETACH);
	if (done == 0 && chdir("/") < 0)
		done = -errno;
	return done;
}

/* In a mount namespace of its own, of which nothing else is left. */
static int leave_root(bool with_procfs)
{
	struct failure ignored;
	int procfs cleanup_fd = with_procfs ? procfs_open(&ignored) : -1;
	if (with_procfs && procfs < 0)
		return procfs;
	int root cleanup_fd = make_root(with_procfs);
	if (root < 0)
		return root;
	int done = pivot_to(root);
	if (done < 0 || !with_procfs)
		return done;
	return sys_move_mount(procfs, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH);
}

static int drop_capabilities(void)
{
	for (int capability = 0; capability <= LAST_CAPABILITY; capability++) {
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
	}
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};
	return (int)negative_errno(syscall(SYS_capset, &header, none));
}

static int lock(void)
{
	struct sock_fprog program = {
		.len = sizeof(only_reaping) / sizeof(only_reaping[0]),
		.filter = (struct sock_filter *)(uintptr_t)only_reaping,
	};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return (int)negative_errno(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

/* The pod ends with its monitor, which may have ended before we could ask for that. */
static int follow_monitor(int monitor_pidfd)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	struct pollfd gone = {.fd = monitor_pidfd, .events = POLLIN};
	return poll(&gone, 1, 0) == 0 ? 0 : -ESRCH;
}

static _Noreturn void reap(void *kept, void *shared)
{
	(void)kept;
	(void)shared;
	int done = lock();
	if (write(CHANNEL, &done, sizeof(done)) != sizeof(done) || done < 0)
		_exit(1);
	close(CHANNEL);
	sigset_t children;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	for (;;) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		sigwaitinfo(&children, NULL);
	}
}

int pid_init_leave_host(int monitor_pidfd, bool with_procfs)
{
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_NAME, "crib-init", 0, 0, 0);
	int done = follow_monitor(monitor_pidfd);
	if (done == 0)
		done = leave_root(with_procfs);
	if (done == 0 && syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
		done = -errno;
	return done;
}

/* The procfs stays in the namespace that the monitor holds: unmasked, it is nothing for the containers to see. */
static int leave_procfs(void)
{
	int done = sys_unshare(CLONE_NEWNS);
	return done < 0 ? done : sys_umount2("/proc", MNT_DETACH);
}

_Noreturn void pid_init_run(int channel, bool with_procfs)
{
	int done = with_procfs ? leave_procfs() : 0;
	if (done == 0)
		done = drop_capabilities();
	if (done < 0) {
		ssize_t told = write(channel, &done, sizeof(done));
		_exit(told == sizeof(done) ? 1 : 2);
	}
	sigset_t children;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_SETMASK, &children, NULL);
	umask(077);
	dup2(channel, CHANNEL);
	sys_close_range(CHANNEL + 1, ~0u);
	memory_leave("", 0, (struct bytes){0}, NULL, reap);
}

int pid_init_wait(int channel, struct failure *failure)
{
	int done = -ECANCELED;
	if (read(channel, &done, sizeof(done)) != sizeof(done))
		done = -ECANCELED;
	return done < 0 ? failure_set(failure, done, "init of the pod", "") : 0;
}

int pid_init_keep_procfs(bool with_procfs, struct failure *failure)
{
	if (!with_procfs)
		return 0;
	monitor.init_mounts = open_of_process(monitor.init_pid, "/ns/mnt", O_RDONLY);
	return monitor.init_mounts < 0 ? failure_set(failure, monitor.init_mounts, "open", "/ns/mnt") : 0;
}
