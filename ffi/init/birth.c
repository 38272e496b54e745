#include <string.h>
#include <sys/ioctl.h>

#include "kernel.h"
#include "stage.h"

/* The steps before the last have been carried out; the workload must not see what they name. */
static void forget_plan(struct stage *stage, const struct exec_step *last)
{
	const uint8_t *start = stage->plan.data;
	size_t length = (size_t)(last->argv.items.at - start);
	memset((void *)(uintptr_t)start, 0, length);
	memset(&stage->filter, 0, sizeof(stage->filter));
}

/* Everything the monitor was talked to with becomes the pipe, which can say no more than why execve failed. */
static int leave_monitor(struct stage *stage)
{
	long moved = filter_call(stage, SYS_dup3, stage->errors, stage->report, O_CLOEXEC);
	if (moved < 0)
		return stage_fail(stage, (int)moved, "dup3", "report");
	stage->report = stage->errors;
	return 0;
}

static int begin_session(struct stage *stage)
{
	filter_call(stage, SYS_setsid, 0, 0, 0);
	if (stage->terminal) {
		long taken = filter_call(stage, SYS_ioctl, 0, TIOCSCTTY, 0);
		if (taken < 0)
			return stage_fail(stage, (int)taken, "TIOCSCTTY", "terminal");
	}
	if (stage->limits_processes) {
		long set = filter_call(stage, SYS_setrlimit, RLIMIT_NPROC, (long)&stage->processes, 0);
		if (set < 0)
			return stage_fail(stage, (int)set, "setrlimit", "processes");
	}
	return 0;
}

/*
 * The process is a child of the monitor, not of the stage, which is done. The older
 * clone, because a profile that lets any through lets this one; its pid is in the monitor's numbering, since the stage
 * is where the monitor is.
 */
int birth(struct stage *stage, const struct exec_step *step)
{
	if (stage->filter.program.length > 0) {
		int loaded = filter_load(stage, &stage->filter);
		if (loaded < 0)
			return loaded;
	}
	int left = leave_monitor(stage);
	if (left < 0)
		return left;
	forget_plan(stage, step);
	long pid = filter_call(stage, SYS_clone, CLONE_PARENT | CLONE_PARENT_SETTID, 0, (long)&stage->note->born);
	if (pid < 0)
		return stage_fail(stage, (int)pid, "clone", "the last process");
	if (pid > 0)
		_exit(0);
	return begin_session(stage);
}
