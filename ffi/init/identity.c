#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "kernel.h"
#include "stage.h"

#define GROUPS_MAX 65536

/*
 * A workload that reopens /dev/stdout needs permission on the pipe or terminal behind it, which root made. The null
 * device is the host's and stays as it is.
 */
static int own_stdio(struct stage *stage, uid_t uid)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct stat stdio;
		if (fstat(fd, &stdio) < 0)
			return stage_fail(stage, -errno, "fstat", "stdio");
		bool ours = S_ISFIFO(stdio.st_mode) || (S_ISCHR(stdio.st_mode) && stdio.st_rdev != makedev(1, 3));
		if (ours && stdio.st_uid != uid && fchown(fd, uid, (gid_t)-1) < 0)
			return stage_fail(stage, -errno, "fchown", "stdio");
	}
	return 0;
}

int step_stdio_owner(struct stage *stage, uid_t uid)
{
	return own_stdio(stage, uid);
}

/* The raw calls: libc's versions signal every thread, and after clone it does not know that there is only this one. */
int step_user(struct stage *stage, const struct user_step *step)
{
	int owned = own_stdio(stage, step->uid);
	if (owned < 0)
		return owned;
	static gid_t groups[GROUPS_MAX];
	struct reader cursor = step->groups;
	for (uint32_t i = 0; i < step->group_count; i++)
		groups[i] = read_u32(&cursor);
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return stage_fail(stage, -errno, "prctl", "PR_SET_KEEPCAPS");
	if (syscall(SYS_setgroups, step->group_count, groups) < 0)
		return stage_fail(stage, -errno, "setgroups", "");
	if (syscall(SYS_setresgid, step->gid, step->gid, step->gid) < 0)
		return stage_fail(stage, -errno, "setresgid", "");
	if (syscall(SYS_setresuid, step->uid, step->uid, step->uid) < 0)
		return stage_fail(stage, -errno, "setresuid", "");
	/* A change of user sets this to fs.suid_dumpable: nothing in the container may trace us yet (CVE-2016-9962). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return stage_fail(stage, -errno, "prctl", "PR_SET_DUMPABLE");
	return 0;
}

int step_no_new_privileges(struct stage *stage)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return stage_fail(stage, -errno, "prctl", "PR_SET_NO_NEW_PRIVS");
	stage->no_new_privileges = true;
	return 0;
}
