/*
 * What decodes foreign bytes holds nothing worth having: no capability, the ids of nobody, no path (Landlock, where the
 * kernel has it), and of the system calls only those that move bytes between the files it was handed.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/audit.h"
#include "layers.h"

#define NOBODY 65534
#define MEMORY_MAX (3ull << 30)

/* Newer than Debian 12's headers; linux/landlock.h. */
struct landlock_rules {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};
#define LANDLOCK_VERSION 1u
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

static int limit(int resource, rlim_t value)
{
	struct rlimit limit = {.rlim_cur = value, .rlim_max = value};
	return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

/* The kernel takes only as many fields and bits as it knows: so many of each version. */
static int no_paths(void)
{
	static const struct landlock_rules by_version[] = {
		{.handled_access_fs = (1u << 13) - 1},
		{.handled_access_fs = (1u << 14) - 1},
		{.handled_access_fs = (1u << 15) - 1},
		{.handled_access_fs = (1u << 15) - 1, .handled_access_net = 3},
		{.handled_access_fs = (1u << 16) - 1, .handled_access_net = 3},
		{.handled_access_fs = (1u << 16) - 1, .handled_access_net = 3, .scoped = 3},
	};
	static const size_t sizes[] = {8, 8, 8, 16, 16, 24};
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION);
	if (version <= 0)
		return 0; /* built without, switched off, or before 5.13: the filter of system calls stands alone */
	size_t known = sizeof(sizes) / sizeof(*sizes), at = (size_t)version < known ? (size_t)version - 1 : known - 1;
	int rules = (int)syscall(SYS_landlock_create_ruleset, &by_version[at], sizes[at], 0);
	if (rules < 0)
		return -errno;
	int result = syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
	close(rules);
	return result;
}

/* The first to go when memory is short: the pull is tried again, a pod is not. */
static void offer_to_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t wrote = write(fd, "900", 3);
	(void)wrote; /* nothing depends on it */
	close(fd);
}

static int no_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0};
	/* Without the right to change ids there is no more to lose than the capabilities. */
	if (setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

int confine_rights(void)
{
	offer_to_oom();
	/* A file that grows too long is an error to tell, not a signal to die by. */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	int result = limit(RLIMIT_CORE, 0);
	if (result == 0)
		result = limit(RLIMIT_AS, MEMORY_MAX);
	if (result == 0)
		result = no_capabilities();
	if (result == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		result = -errno;
	return result < 0 ? result : no_paths();
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define KILL BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define ALLOW_CALL(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), ALLOW
/* Memory, but none that can be run: the third argument is the protection of both calls. */
#define ALLOW_WITHOUT_EXEC(name)                                                                                       \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 4), LOAD(args[2]),                                          \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), KILL, ALLOW

int confine_calls(void)
{
	struct sock_filter filter[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH_AUDIT, 1, 0),
		KILL,
		LOAD(nr),
		ALLOW_CALL(read),
		ALLOW_CALL(write),
		ALLOW_CALL(pread64),
		ALLOW_CALL(futex),
		ALLOW_CALL(ppoll),
		ALLOW_CALL(clock_gettime), /* where the vDSO has none */
		ALLOW_CALL(munmap),
		ALLOW_CALL(madvise),
		ALLOW_CALL(mremap),
		ALLOW_CALL(brk),
		ALLOW_CALL(fstatfs),
		ALLOW_CALL(sysinfo), /* glibc's qsort asks how much memory there is */
		ALLOW_CALL(sched_yield),
		ALLOW_CALL(rt_sigprocmask),
		ALLOW_CALL(rt_sigreturn),
		ALLOW_CALL(restart_syscall),
		ALLOW_CALL(exit),
		ALLOW_CALL(exit_group),
		ALLOW_WITHOUT_EXEC(mmap),
		ALLOW_WITHOUT_EXEC(mprotect),
		KILL,
	};
	struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};
	/* All threads: they wait for this. */
	long set = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	return set == 0 ? 0 : set > 0 ? -ESRCH : -errno;
}
