#include <linux/capability.h>
#include <sys/prctl.h>

#include "kernel.h"
#include "stage.h"

#define HIGHEST 63

struct sets {
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
};

static int get_sets(struct sets *sets)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	sets->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	sets->permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	sets->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int put_sets(const struct sets *sets)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)sets->effective, (uint32_t)sets->permitted, (uint32_t)sets->inheritable},
		{(uint32_t)(sets->effective >> 32), (uint32_t)(sets->permitted >> 32),
		 (uint32_t)(sets->inheritable >> 32)},
	};
	return (int)negative_errno(syscall(SYS_capset, &header, data));
}

/* Drops what `keep` lacks, and sees that it is gone: *kept is what the set may still hold of it. */
static int limit_bounding(struct stage *stage, uint64_t keep, uint64_t *kept)
{
	for (int capability = 0; capability <= HIGHEST; capability++) {
		if ((keep >> capability & 1) != 0)
			continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break; /* past the last capability of this kernel */
			return stage_fail(stage, -errno, "prctl", "PR_CAPBSET_DROP");
		}
	}
	*kept = 0;
	for (int capability = 0; capability <= HIGHEST; capability++) {
		int held = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
		if (held < 0)
			break;
		*kept |= (uint64_t)held << capability;
	}
	return (*kept & ~keep) == 0 ? 0 : stage_fail(stage, -EPERM, "bounding set did not take", "");
}

static int set_ambient(struct stage *stage, uint64_t ambient)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return stage_fail(stage, -errno, "prctl", "PR_CAP_AMBIENT_CLEAR_ALL");
	for (int capability = 0; capability <= HIGHEST; capability++) {
		if ((ambient >> capability & 1) == 0)
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
			return stage_fail(stage, -errno, "prctl", "PR_CAP_AMBIENT_RAISE");
	}
	return 0;
}

/*
 * Order: setresuid cleared the effective set but kept the permitted one (PR_SET_KEEPCAPS), so it is raised first; the
 * bounding set needs CAP_SETPCAP and so falls before the rest; ambient needs permitted and inheritable, so it is last.
 *
 * What the host itself lacks cannot be given. That is less than was asked for, never more: a warning, not a failure.
 */
int step_capabilities(struct stage *stage, const struct capabilities_step *step)
{
	struct sets held;
	int done = get_sets(&held);
	if (done < 0)
		return stage_fail(stage, done, "capget", "");
	struct sets raised = {
		.effective = held.permitted, .permitted = held.permitted, .inheritable = held.inheritable};
	done = put_sets(&raised);
	if (done < 0)
		return stage_fail(stage, done, "capset", "");
	uint64_t bounding = 0;
	done = limit_bounding(stage, step->bounding, &bounding);
	if (done < 0)
		return done;

	uint64_t available = held.permitted;
	struct sets wanted = {
		.effective = step->effective & available,
		.permitted = step->permitted & available,
		.inheritable = step->inheritable & available & bounding,
	};
	if ((step->permitted & ~available) != 0)
		stage_warn(stage, -EPERM, "capabilities", "the host lacks some that were asked for");
	done = put_sets(&wanted);
	if (done < 0)
		return stage_fail(stage, done, "capset", "");
	done = set_ambient(stage, step->ambient & wanted.permitted & wanted.inheritable);
	if (done < 0)
		return done;

	struct sets back;
	done = get_sets(&back);
	if (done < 0)
		return stage_fail(stage, done, "capget", "");
	bool same = back.effective == wanted.effective && back.permitted == wanted.permitted &&
		    back.inheritable == wanted.inheritable;
	return same ? 0 : stage_fail(stage, -EPERM, "capabilities did not take", "");
}
