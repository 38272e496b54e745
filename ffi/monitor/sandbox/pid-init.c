#include "monitor/sandbox/pid-init.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "arch/audit.h"
#include "cleanup.h"
#include "init/init.h"
#include "kernel.h"
#include "monitor/sandbox/empty-root.h"

#define KEYCTL_JOIN_SESSION_KEYRING 1
#define LAST_CAPABILITY 63
/* The only descriptor, until the monitor has heard. */
#define CHANNEL 0

/*
 * PID 1 of the pid namespace that a pod's containers share: the kernel gives it the orphans, and when it dies,
 * everything in the namespace dies with it. It is deaf to every signal from inside that it has no handler for.
 *
 * The containers see it, and one that may trace can do with it as it likes (kubernetes.io documents the capability for
 * such pods). So it has nothing: an empty root, no descriptor, no capability, no memory but the program, and a filter
 * that leaves it nothing but waiting.
 */

/* All that reaping needs, and to say once that it has begun; anything else is refused. */
static const struct sock_filter only_reaping[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH_AUDIT, 0, 8),
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
		done = empty_root_enter(with_procfs);
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

int pid_init_keep_procfs(struct sandbox *sandbox, bool with_procfs, struct failure *failure)
{
	if (!with_procfs)
		return 0;
	sandbox->init_mounts = open_of_process(sandbox->host, sandbox->init_pid, "/ns/mnt", O_RDONLY);
	return sandbox->init_mounts < 0 ? failure_set(failure, sandbox->init_mounts, "open", "/ns/mnt") : 0;
}

void pid_init_gone(struct sandbox *sandbox)
{
	sandbox->init_pid = 0;
	close_and_clear(&sandbox->init_pidfd);
	close_and_clear(&sandbox->init_mounts);
}
