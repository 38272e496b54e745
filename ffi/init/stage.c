#include "stage.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "kernel.h"

int stage_fail(struct stage *stage, int code, const char *call, const char *path)
{
	return failure_set(&stage->failure, code, call, path);
}

int stage_send(const struct stage *stage, const struct report *report, int descriptor)
{
	struct iovec data = {.iov_base = (void *)(uintptr_t)report, .iov_len = sizeof(*report)};
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
	if (descriptor >= 0) {
		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control.space);
		struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(rights), &descriptor, sizeof(int));
	}
	/* write(2) where it will do: sendmsg is missing from stricter seccomp profiles, write from none. */
	ssize_t sent = descriptor < 0 ? write(stage->report, report, sizeof(*report))
				      : sendmsg(stage->report, &message, MSG_NOSIGNAL);
	return sent < 0 ? -errno : 0;
}

int stage_warn(struct stage *stage, int code, const char *call, const char *path)
{
	struct report report = {.kind = REPORT_WARNING, .failure = stage->failure};
	failure_set(&report.failure, code, call, path);
	stage_send(stage, &report, -1);
	return 0;
}

int stage_root(struct stage *stage)
{
	if (stage->root < 0)
		stage->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return stage->root < 0 ? stage_fail(stage, -errno, "open", "/") : stage->root;
}

int stage_procfs(struct stage *stage)
{
	if (stage->procfs < 0)
		stage->procfs = procfs_open(&stage->failure);
	return stage->procfs;
}

/* Only children are born there: the stage itself stays outside, where no process of the namespace can see it. */
static int set_pid_namespace(struct stage *stage)
{
	if (stage->pid_namespace < 0)
		return 0;
	int set = sys_setns(stage->pid_namespace, CLONE_NEWPID);
	stage->pid_namespace = -1;
	return set < 0 ? stage_fail(stage, set, "setns", "pid namespace") : 0;
}

static int seal(struct stage *stage, bool keep_procfs)
{
	int set = set_pid_namespace(stage);
	if (set < 0)
		return set;
	int kept = stage->report;
	if (keep_procfs && stage->procfs == kept + 1)
		kept++;
	else if (keep_procfs && stage->procfs >= 0 && dup3(stage->procfs, kept + 1, O_CLOEXEC) >= 0)
		stage->procfs = ++kept;
	else
		stage->procfs = -1;
	sys_close_range((unsigned)kept + 1, ~0u);
	stage->user_namespace = stage->root = stage->mask_dir = stage->null = stage->pid_procfs = -1;
	for (int slot = 0; slot < PLAN_SLOTS_MAX; slot++)
		stage->slots[slot] = -1;
	umask(stage->mask);
	return 0;
}

int stage_seal(struct stage *stage)
{
	return seal(stage, stage->labelled && stage_enters(stage));
}

int stage_shut(struct stage *stage)
{
	if (stage->shut)
		return 0;
	stage->shut = true;
	memory_forget_below();
	/* The last process must not have what the monitor believes. */
	if (madvise(stage->note, sizeof(*stage->note), MADV_DONTFORK) < 0)
		return stage_fail(stage, -errno, "madvise", "");
	return seal(stage, false);
}
