#include "monitor/sandbox/host.h"

#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "decimal.h"
#include "init/init.h"
#include "kernel.h"
#include "monitor/sandbox/empty-root.h"

/* A walk through ".." is begun anew when anything on the machine was mounted or renamed meanwhile (openat2(2)). */
#define OPEN_ATTEMPTS 1000

/* Stages begin at the root of the mount namespace. Below chroot(2) their paths and the monitor's would part. */
static int check_root(const struct host *host)
{
	struct stat ours;
	struct stat theirs;
	int entered = sys_setns(host->mounts, CLONE_NEWNS);
	if (entered < 0)
		return entered;
	if (fstat(host->root, &ours) < 0 || stat("/", &theirs) < 0)
		return -errno;
	return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino ? 0 : -EXDEV;
}

/*
 * The monitor's own mount namespace is empty: a mistake that lets an attacker in there finds nothing. What it does
 * on the host goes through descriptors that it opened before: a root to open log and cgroup files from, a procfs that
 * is mounted nowhere, and the mount namespace, which stages go back to.
 */
int host_leave(struct host *host)
{
	struct failure ignored;
	host->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	host->mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (host->root < 0 || host->mounts < 0)
		return -errno;
	host->procfs = procfs_open(&ignored);
	if (host->procfs < 0)
		return host->procfs;
	int done = check_root(host);
	if (done == 0)
		done = sys_unshare(CLONE_NEWNS);
	return done < 0 ? done : empty_root_enter(false);
}

/* Links of the host's, absolute ones too, lead where they do on the host. */
int host_open(const struct host *host, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
	};
	int fd = -EAGAIN;
	for (int attempt = 0; fd == -EAGAIN && attempt < OPEN_ATTEMPTS; attempt++)
		fd = sys_openat2(host->root, path, &how);
	return fd;
}

int open_of_process(const struct host *host, pid_t pid, const char *file, int flags)
{
	char path[64];
	size_t length = decimal_text((unsigned)pid, path);
	strcpy(path + length, file);
	int fd = openat(host->procfs, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
