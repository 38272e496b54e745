#include "stage.h"

#include <string.h>
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

void stage_seal(struct stage *stage)
{
	sys_close_range((unsigned)stage->report + 1, ~0u);
	stage->user_namespace = stage->root = stage->procfs = stage->mask_dir = stage->null = -1;
	for (int slot = 0; slot < PLAN_SLOTS_MAX; slot++)
		stage->slots[slot] = -1;
	umask(stage->mask);
}
