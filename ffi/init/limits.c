#include <string.h>
#include <sys/resource.h>

#include "cleanup.h"
#include "kernel.h"
#include "stage.h"

static int write_text(const char *path, const char *text)
{
	int fd cleanup_fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

int step_join_cgroup(struct stage *stage, const char *procs_file)
{
	/* "0" is the writer itself: no pid that could have been reused. */
	int written = write_text(procs_file, "0");
	return written < 0 ? stage_fail(stage, written, "write", procs_file) : 0;
}

/* Decimal without stdio, which would bring its buffers into a binary that lives in every pod. */
static const char *decimal(int value, char text[12])
{
	char *at = text + 11;
	unsigned left = value < 0 ? 0u - (unsigned)value : (unsigned)value;
	*at = '\0';
	do
		*--at = (char)('0' + left % 10);
	while ((left /= 10) != 0);
	if (value < 0)
		*--at = '-';
	return at;
}

int step_oom_score_adj(struct stage *stage, int score)
{
	static const char path[] = "/proc/self/oom_score_adj";
	char text[12];
	int written = write_text(path, decimal(score, text));
	if (written == -EACCES || written == -EPERM)
		return stage_warn(stage, written, "write", path);
	return written < 0 ? stage_fail(stage, written, "write", path) : 0;
}

/* The stage is there as long as the process that it lets be born: one more of the user's than the workload will be. */
static void with_room_for_stage(struct stage *stage, struct rlimit *limit)
{
	stage->limits_processes = true;
	stage->processes = *limit;
	if (limit->rlim_cur != RLIM_INFINITY)
		limit->rlim_cur++;
	if (limit->rlim_max != RLIM_INFINITY)
		limit->rlim_max++;
}

int step_rlimit(struct stage *stage, const struct rlimit_step *step)
{
	struct rlimit wanted = {.rlim_cur = step->soft, .rlim_max = step->hard};
	if (step->resource == RLIMIT_NPROC && stage_enters(stage))
		with_room_for_stage(stage, &wanted);
	if (setrlimit((int)step->resource, &wanted) == 0)
		return 0;
	if (errno != EPERM)
		return stage_fail(stage, -errno, "setrlimit", "");

	/* Without CAP_SYS_RESOURCE the hard limit cannot rise: give what can be given, and say so. */
	struct rlimit held;
	if (getrlimit((int)step->resource, &held) < 0)
		return stage_fail(stage, -errno, "getrlimit", "");
	wanted.rlim_max = wanted.rlim_max < held.rlim_max ? wanted.rlim_max : held.rlim_max;
	wanted.rlim_cur = wanted.rlim_cur < wanted.rlim_max ? wanted.rlim_cur : wanted.rlim_max;
	if (setrlimit((int)step->resource, &wanted) < 0)
		return stage_fail(stage, -errno, "setrlimit", "");
	if (step->resource == RLIMIT_NPROC && stage_enters(stage))
		stage->processes = wanted;
	char text[12];
	return stage_warn(stage, -EPERM, "setrlimit", decimal((int)step->resource, text));
}
