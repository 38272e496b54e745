#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "decimal.h"
#include "init/init.h"
#include "kernel.h"
#include "monitor/monitor.h"

/* A walk through ".." is begun anew when anything on the machine was mounted or renamed meanwhile (openat2(2)). */
#define OPEN_ATTEMPTS 1000

/* Stages begin at the root of the mount namespace. Below chroot(2) their paths and the monitor's would part. */
static int check_root(void)
{
	struct stat ours;
	struct stat theirs;
	int entered = sys_setns(monitor.host_mounts, CLONE_NEWNS);
	if (entered < 0)
		return entered;
	if (fstat(monitor.host_root, &ours) < 0 || stat("/", &theirs) < 0)
		return -errno;
	return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino ? 0 : -EXDEV;
}

/*
 * The monitor's own mount namespace is empty: a mistake that lets an attacker in there finds nothing. What it does
 * on the host goes through descriptors that it opened before: a root to open log and cgroup files from, a procfs that
 * is mounted nowhere, and the mount namespace, which stages go back to.
 */
int host_leave(void)
{
	struct failure ignored;
	monitor.host_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	monitor.host_mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (monitor.host_root < 0 || monitor.host_mounts < 0)
		return -errno;
	monitor.procfs = procfs_open(&ignored);
	if (monitor.procfs < 0)
		return monitor.procfs;
	int done = check_root();
	if (done == 0)
		done = sys_unshare(CLONE_NEWNS);
	return done < 0 ? done : empty_root_enter(false);
}

/* Links of the host's, absolute ones too, lead where they do on the host. */
int host_open(const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
	};
	int fd = -EAGAIN;
	for (int attempt = 0; fd == -EAGAIN && attempt < OPEN_ATTEMPTS; attempt++)
		fd = sys_openat2(monitor.host_root, path, &how);
	return fd;
}

int open_of_process(pid_t pid, const char *file, int flags)
{
	char path[64];
	size_t length = decimal_text((unsigned)pid, path);
	strcpy(path + length, file);
	int fd = openat(monitor.procfs, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
