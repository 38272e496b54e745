#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kernel.h"
#include "stage.h"

static int run_step(struct stage *stage, const struct plan_step *step)
{
	switch ((enum plan_step_kind)step->kind) {
	case STEP_JOIN_CGROUP:
		return step_join_cgroup(stage, step->path);
	case STEP_OOM_SCORE_ADJ:
		return step_oom_score_adj(stage, step->score);
	case STEP_JOIN_NAMESPACE:
		return step_join_namespace(stage, &step->join_namespace);
	case STEP_UNSHARE:
		return step_unshare(stage, step->flags);
	case STEP_HOSTNAME:
		return step_hostname(stage, step->name);
	case STEP_RLIMIT:
		return step_rlimit(stage, &step->rlimit);
	case STEP_OPEN_SOURCE:
		return step_open_source(stage, &step->open_source);
	case STEP_ROOT_PROPAGATION:
		return step_root_propagation(stage, step->propagation);
	case STEP_ROOTFS:
	case STEP_IDMAPPED_ROOTFS:
		return step_rootfs(stage, &step->rootfs, step->kind == STEP_IDMAPPED_ROOTFS);
	case STEP_STDIO_OWNER:
		return step_stdio_owner(stage, step->uid);
	case STEP_IDMAP_SOURCE:
		return step_idmap_source(stage, step->slot);
	case STEP_ENTER_USER_NAMESPACE:
		return step_enter_user_namespace(stage, step->flags);
	case STEP_OPEN_IMAGE:
		return step_open_image(stage, &step->open_image);
	case STEP_COPY_UP:
		return step_copy_up(stage, &step->copy_up);
	case STEP_MOUNT:
		return step_mount(stage, &step->mount);
	case STEP_BIND:
		return step_bind(stage, &step->bind);
	case STEP_DEVICE:
		return step_device(stage, &step->device);
	case STEP_SYMLINK:
		return step_symlink(stage, &step->symlink);
	case STEP_CONSOLE:
		return step_console(stage);
	case STEP_PIVOT:
		return step_pivot(stage);
	case STEP_MASK:
		return step_mask(stage, step->path);
	case STEP_READ_ONLY:
		return step_read_only(stage, step->path);
	case STEP_READ_ONLY_ROOT:
		return step_read_only_root(stage);
	case STEP_SYSCTL:
		return step_sysctl(stage, &step->sysctl);
	case STEP_SESSION_KEYRING:
		return step_session_keyring(stage, step->name);
	case STEP_UMASK:
		stage->mask = (mode_t)step->mask;
		return 0;
	case STEP_LSM_LABEL:
		return step_lsm_label(stage, &step->lsm_label);
	case STEP_NO_NEW_PRIVILEGES:
		return step_no_new_privileges(stage);
	case STEP_USER:
		return step_user(stage, &step->user);
	case STEP_CAPABILITIES:
		return step_capabilities(stage, &step->capabilities);
	case STEP_SECCOMP:
		return step_seccomp(stage, &step->seccomp);
	case STEP_WORKING_DIRECTORY:
		return step_working_directory(stage, &step->working_directory);
	case STEP_EXEC:
		return step_exec(stage, &step->exec);
	case STEP_RUNTIME:
		return step_runtime(stage, &step->runtime);
	case STEP_SHIM_START:
		return step_shim_start(stage, &step->shim_start);
	case STEP_SHIM:
		return step_shim(stage, &step->shim);
	case STEP_HOOK:
		return step_hook(stage, &step->hook);
	}
	return stage_fail(stage, -EBADMSG, "plan", "");
}

/*
 * Cgroup and oom_score_adj files are the host's: an exec must write them while it still sees the host's mounts. Owning
 * the pipes and raising a limit take the host's privilege, which joining a user namespace ends.
 */
static bool runs_before_join(uint16_t kind)
{
	return kind == STEP_JOIN_CGROUP || kind == STEP_OOM_SCORE_ADJ || kind == STEP_STDIO_OWNER ||
	       kind == STEP_RLIMIT;
}

static bool has_label(const struct plan *plan)
{
	struct reader cursor = plan->steps;
	struct plan_step step = {0};
	while (plan_next(&cursor, &step) == 1) {
		if (step.kind == STEP_LSM_LABEL)
			return true;
	}
	return false;
}

static int join(struct stage *stage, const struct plan *plan, int pidfd)
{
	/* A procfs of the stage's pid namespace is not the user namespace's to make. */
	if (stage->labelled && (plan->join_namespaces & CLONE_NEWUSER) != 0) {
		int procfs = stage_procfs(stage);
		if (procfs < 0)
			return procfs;
	}
	return stage_join(stage, pidfd, plan->join_namespaces);
}

static int run(struct stage *stage, const struct plan *plan, const struct stage_start *start)
{
	bool join_pending = start->join >= 0;
	struct reader cursor = plan->steps;
	struct plan_step step = {0};
	if (stage_enters(stage)) {
		stage->labelled = has_label(plan);
		if (syscall(SYS_getrandom, &stage->cookie, sizeof(stage->cookie), 0) != sizeof(stage->cookie))
			return stage_fail(stage, -errno, "getrandom", "");
	}
	for (uint16_t index = 0; index < plan->step_count; index++) {
		step.index = index;
		int more = plan_next(&cursor, &step);
		stage->failure.step = stage->note->step = step.kind;
		stage->failure.index = stage->note->index = index;
		if (more != 1)
			return stage_fail(stage, -EBADMSG, "plan", "");
		if (join_pending && !runs_before_join(step.kind)) {
			int joined = join(stage, plan, start->join);
			if (joined < 0)
				return joined;
			join_pending = false;
		}
		if (index == start->cgroup_step)
			continue;
		int done = run_step(stage, &step);
		if (done < 0)
			return done;
	}
	return stage_fail(stage, -EBADMSG, "plan", "no exec");
}

/*
 * Where paths of the host lead somewhere. Mounts made since the monitor began are there too. The descriptor goes before
 * anything of a container's is in sight.
 */
static int enter_host(struct stage *stage, const struct stage_start *start)
{
	int entered = sys_setns(start->host_mounts, CLONE_NEWNS);
	close(start->host_mounts);
	if (entered == 0 && start->own_mounts)
		entered = sys_unshare(CLONE_NEWNS);
	return entered < 0 ? stage_fail(stage, entered, "setns", "mount namespace of the host") : 0;
}

/*
 * A pidfd in place of the connection, on which a stage has nothing to say. -ENOPROTOOPT where the kernel has none,
 * before 6.5: it then takes no layer that is a link either. Any other error is that of a daemon that has ended.
 */
static int daemon_of(int connection)
{
	int pidfd = -1;
	socklen_t size = sizeof(pidfd);
	if (connection < 0)
		return -ENOPROTOOPT;
	int asked = getsockopt(connection, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size);
	int failure = asked < 0 ? -errno : 0;
	close(connection);
	return failure < 0 ? failure : pidfd;
}

static int begin(struct stage *stage, const struct stage_start *start)
{
	stage->daemon = daemon_of(start->daemon);
	int entered = enter_host(stage, start);
	if (entered == 0 && start->inherited_oom_score != INT32_MIN)
		step_oom_score_adj(stage, start->inherited_oom_score);
	return entered;
}

/* What a stage takes along when it leaves the monitor's memory. */
struct luggage {
	struct stage_start start;
	struct plan plan;
	size_t steps_length;
	size_t length;
	uint8_t bytes[];
};

static _Noreturn void run_clean(void *kept, void *shared)
{
	struct luggage *luggage = kept;
	const struct stage_start *start = &luggage->start;
	struct plan *plan = &luggage->plan;
	plan->steps.end = luggage->bytes + luggage->length;
	plan->steps.at = plan->steps.end - luggage->steps_length;
	struct stage stage = {
		.report = start->report,
		.errors = start->errors,
		.pid_namespace = start->pid_namespace,
		.pid_procfs = start->procfs,
		.daemon = -ENOPROTOOPT,
		.note = shared,
		.plan = {.data = luggage->bytes, .length = (uint32_t)luggage->length},
		.user_namespace = start->user_namespace,
		.root = -1,
		.procfs = -1,
		.mask_dir = -1,
		.null = -1,
		.joined = start->join >= 0,
		.mask = 022,
	};
	for (int slot = 0; slot < PLAN_SLOTS_MAX; slot++)
		stage.slots[slot] = -1;

	/* Modes in the plan are exact. */
	umask(0);
	/* A session of its own: signals to the workload's group reach no other process, and a terminal can become its
	 * own.
	 */
	setsid();
	if (begin(&stage, start) == 0)
		run(&stage, plan, start);
	struct report report = {.kind = REPORT_FAILURE, .failure = stage.failure};
	stage_send(&stage, &report, -1);
	_exit(127);
}

_Noreturn void init_run(const struct plan *plan, struct bytes bytes, const struct stage_start *start,
			struct launch_note *note)
{
	struct luggage luggage = {
		.start = *start,
		.plan = *plan,
		.steps_length = (size_t)(plan->steps.end - plan->steps.at),
		.length = bytes.length,
	};
	memory_leave(&luggage, sizeof(luggage), bytes, note, run_clean);
}
