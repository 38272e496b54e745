#include "plan.h"

#include <errno.h>

#define SOCK_FILTER_SIZE 8
#define GROUPS_LIMIT 65536

static void decode_rootfs(struct reader *payload, struct rootfs_step *step)
{
	step->lower = read_string_list(payload);
	step->upper = read_string(payload);
	step->work = read_string(payload);
	step->attach_at = read_string(payload);
	step->options = read_string_list(payload);
	if (step->lower.count == 0)
		payload->bad = true;
}

static void decode_mount(struct reader *payload, struct mount_step *step)
{
	step->type = read_string(payload);
	step->source = read_string(payload);
	step->target = read_string(payload);
	step->attributes = read_u64(payload);
	step->options = read_string_list(payload);
}

static void decode_open_source(struct reader *payload, struct open_source_step *step)
{
	step->slot = read_u32(payload);
	step->path = read_string(payload);
	step->recursive = read_u8(payload) != 0;
	if (step->slot >= PLAN_SLOTS_MAX)
		payload->bad = true;
}

static void decode_open_image(struct reader *payload, struct open_image_step *step)
{
	step->slot = read_u32(payload);
	step->lower = read_string_list(payload);
	step->staging = read_string(payload);
	step->path = read_string(payload);
	step->idmapped = read_u8(payload) != 0;
	if (step->slot >= PLAN_SLOTS_MAX || step->lower.count == 0)
		payload->bad = true;
}

static void decode_copy_up(struct reader *payload, struct copy_up_step *step)
{
	step->slot = read_u32(payload);
	step->path = read_string(payload);
	step->on_tmpfs = read_u8(payload) != 0;
	step->options = read_string_list(payload);
	if (step->slot >= PLAN_SLOTS_MAX)
		payload->bad = true;
}

static void decode_bind(struct reader *payload, struct bind_step *step)
{
	step->slot = read_u32(payload);
	step->target = read_string(payload);
	step->attributes = read_u64(payload);
	step->recursive = read_u8(payload) != 0;
	step->propagation = read_u8(payload);
	if (step->slot >= PLAN_SLOTS_MAX || step->propagation > PROPAGATION_SHARED)
		payload->bad = true;
}

static void decode_device(struct reader *payload, struct device_step *step)
{
	step->path = read_string(payload);
	step->type = read_u8(payload);
	step->major = read_u32(payload);
	step->minor = read_u32(payload);
	step->mode = read_u32(payload);
	step->uid = read_u32(payload);
	step->gid = read_u32(payload);
	if (step->type > DEVICE_FIFO || step->mode > 07777)
		payload->bad = true;
}

static void decode_user(struct reader *payload, struct user_step *step)
{
	step->uid = read_u32(payload);
	step->gid = read_u32(payload);
	step->group_count = read_u32(payload);
	step->groups = *payload;
	if (step->group_count > GROUPS_LIMIT)
		payload->bad = true;
	for (uint32_t i = 0; i < step->group_count && !payload->bad; i++)
		read_u32(payload);
}

static void decode_capabilities(struct reader *payload, struct capabilities_step *step)
{
	step->bounding = read_u64(payload);
	step->effective = read_u64(payload);
	step->permitted = read_u64(payload);
	step->inheritable = read_u64(payload);
	step->ambient = read_u64(payload);
}

static void decode_seccomp(struct reader *payload, struct seccomp_step *step)
{
	step->program = read_bytes(payload);
	step->flags = read_u32(payload);
	uint32_t length = step->program.length;
	if (length == 0 || length % SOCK_FILTER_SIZE != 0 || length / SOCK_FILTER_SIZE > UINT16_MAX)
		payload->bad = true;
}

static void decode_exec(struct reader *payload, struct exec_step *step)
{
	step->argv = read_string_list(payload);
	step->env = read_string_list(payload);
	if (step->argv.count == 0)
		payload->bad = true;
}

static void decode_hook(struct reader *payload, struct hook_step *step)
{
	step->path = read_string(payload);
	step->argv = read_string_list(payload);
	step->env = read_string_list(payload);
	step->state = read_bytes(payload);
	step->timeout_seconds = read_u32(payload);
	if (step->path[0] != '/' || step->argv.count == 0 || step->timeout_seconds == 0)
		payload->bad = true;
}

static void decode_shim_start(struct reader *payload, struct shim_start_step *step)
{
	step->bundle = read_string(payload);
	step->argv = read_string_list(payload);
	step->env = read_string_list(payload);
	step->input = read_string(payload);
	step->output = read_string(payload);
	step->errors = read_string(payload);
	step->timeout_seconds = read_u32(payload);
	struct string_list argv = step->argv;
	if (step->bundle[0] != '/' || argv.count == 0 || string_list_next(&argv)[0] != '/' || step->input[0] == '\0' ||
	    step->output[0] == '\0' || step->errors[0] == '\0' || step->timeout_seconds == 0)
		payload->bad = true;
}

static void decode_shim(struct reader *payload, struct shim_step *step)
{
	step->bundle = read_string(payload);
	step->socket = read_string(payload);
	step->root = read_string(payload);
	step->create = read_bytes(payload);
	step->start = read_bytes(payload);
	step->wait = read_bytes(payload);
	step->end = read_bytes(payload);
	step->close_stdin = read_bytes(payload);
	step->resize = read_bytes(payload);
	step->timeout_seconds = read_u32(payload);
	if (step->bundle[0] != '/' || step->root[0] != '/' || step->socket[0] == '\0' || step->timeout_seconds == 0)
		payload->bad = true;
}

static void decode_runtime(struct reader *payload, struct runtime_step *step)
{
	step->bundle = read_string(payload);
	step->create = read_string_list(payload);
	step->start = read_string_list(payload);
	step->env = read_string_list(payload);
	step->pid_file = read_string(payload);
	step->terminal = read_u8(payload) != 0;
	step->timeout_seconds = read_u32(payload);
	struct string_list create = step->create;
	if (step->bundle[0] != '/' || create.count == 0 || string_list_next(&create)[0] != '/' ||
	    step->pid_file[0] == '\0' || step->timeout_seconds == 0)
		payload->bad = true;
}

static void decode_payload(struct reader *payload, struct plan_step *step)
{
	switch ((enum plan_step_kind)step->kind) {
	case STEP_JOIN_CGROUP:
	case STEP_MASK:
	case STEP_READ_ONLY:
		step->path = read_string(payload);
		return;
	case STEP_HOSTNAME:
	case STEP_SESSION_KEYRING:
		step->name = read_string(payload);
		return;
	case STEP_OOM_SCORE_ADJ:
		step->score = (int32_t)read_u32(payload);
		return;
	case STEP_JOIN_NAMESPACE:
		step->join_namespace.path = read_string(payload);
		step->join_namespace.type = read_u32(payload);
		return;
	case STEP_UNSHARE:
	case STEP_ENTER_USER_NAMESPACE:
		step->flags = read_u64(payload);
		return;
	case STEP_RLIMIT:
		step->rlimit.resource = read_u32(payload);
		step->rlimit.soft = read_u64(payload);
		step->rlimit.hard = read_u64(payload);
		return;
	case STEP_OPEN_SOURCE:
		decode_open_source(payload, &step->open_source);
		return;
	case STEP_ROOT_PROPAGATION:
		step->propagation = read_u8(payload);
		payload->bad |= step->propagation > PROPAGATION_SHARED;
		return;
	case STEP_ROOTFS:
	case STEP_IDMAPPED_ROOTFS:
		decode_rootfs(payload, &step->rootfs);
		return;
	case STEP_MOUNT:
		decode_mount(payload, &step->mount);
		return;
	case STEP_BIND:
		decode_bind(payload, &step->bind);
		return;
	case STEP_DEVICE:
		decode_device(payload, &step->device);
		return;
	case STEP_SYMLINK:
		step->symlink.target = read_string(payload);
		step->symlink.path = read_string(payload);
		return;
	case STEP_SYSCTL:
		step->sysctl.key = read_string(payload);
		step->sysctl.value = read_string(payload);
		return;
	case STEP_UMASK:
		step->mask = read_u32(payload);
		payload->bad |= step->mask > 0777;
		return;
	case STEP_LSM_LABEL:
		step->lsm_label.lsm = read_u8(payload);
		step->lsm_label.label = read_string(payload);
		payload->bad |= step->lsm_label.lsm > LSM_SELINUX;
		return;
	case STEP_USER:
		decode_user(payload, &step->user);
		return;
	case STEP_CAPABILITIES:
		decode_capabilities(payload, &step->capabilities);
		return;
	case STEP_SECCOMP:
		decode_seccomp(payload, &step->seccomp);
		return;
	case STEP_WORKING_DIRECTORY:
		step->working_directory.path = read_string(payload);
		step->working_directory.create = read_u8(payload) != 0;
		return;
	case STEP_STDIO_OWNER:
		step->uid = read_u32(payload);
		return;
	case STEP_IDMAP_SOURCE:
		step->slot = read_u32(payload);
		payload->bad |= step->slot >= PLAN_SLOTS_MAX;
		return;
	case STEP_OPEN_IMAGE:
		decode_open_image(payload, &step->open_image);
		return;
	case STEP_COPY_UP:
		decode_copy_up(payload, &step->copy_up);
		return;
	case STEP_EXEC:
		decode_exec(payload, &step->exec);
		return;
	case STEP_RUNTIME:
		decode_runtime(payload, &step->runtime);
		return;
	case STEP_SHIM_START:
		decode_shim_start(payload, &step->shim_start);
		return;
	case STEP_SHIM:
		decode_shim(payload, &step->shim);
		return;
	case STEP_HOOK:
		decode_hook(payload, &step->hook);
		return;
	case STEP_CONSOLE:
	case STEP_PIVOT:
	case STEP_READ_ONLY_ROOT:
	case STEP_NO_NEW_PRIVILEGES:
		return;
	}
	payload->bad = true; /* a kind this version does not know */
}

int plan_next(struct reader *cursor, struct plan_step *step)
{
	if (reader_done(cursor))
		return 0;
	uint16_t index = step->index;
	step->kind = read_u16(cursor);
	uint16_t zero = read_u16(cursor);
	struct bytes bytes = read_bytes(cursor);
	struct reader payload = reader_over(bytes.data, bytes.length);
	if (cursor->bad || zero != 0)
		return -EBADMSG;
	decode_payload(&payload, step);
	step->index = index;
	return reader_done(&payload) ? 1 : -EBADMSG;
}

/* What becomes the workload, or leaves one. */
static bool ends_plan(uint16_t kind)
{
	return kind == STEP_EXEC || kind == STEP_RUNTIME || kind == STEP_SHIM_START || kind == STEP_SHIM;
}

int plan_open(const void *bytes, size_t length, struct plan *plan, struct failure *failure)
{
	struct reader reader = reader_over(bytes, length);
	uint32_t magic = read_u32(&reader);
	uint16_t version = read_u16(&reader);
	if (reader.bad || magic != PLAN_MAGIC)
		return failure_set(failure, -EBADMSG, "plan", "magic");
	if (version != PLAN_VERSION)
		return failure_set(failure, -EPROTONOSUPPORT, "plan", "version");
	plan->pid_namespace = read_u8(&reader);
	plan->join = read_u8(&reader) != 0;
	plan->clone_flags = read_u64(&reader);
	plan->pid_namespace_process = read_u32(&reader);
	plan->join_process = read_u32(&reader);
	plan->join_namespaces = read_u32(&reader);
	plan->step_count = read_u32(&reader);
	plan->steps = reader;
	if (reader.bad || plan->pid_namespace > PLAN_PIDNS_PROCESS || plan->step_count == 0 ||
	    plan->step_count > PLAN_STEPS_MAX)
		return failure_set(failure, -EBADMSG, "plan", "header");

	struct plan_step step = {0};
	for (uint32_t i = 0; i < plan->step_count; i++) {
		step.index = (uint16_t)i;
		if (plan_next(&reader, &step) != 1) {
			failure->step = step.kind;
			failure->index = (uint16_t)i;
			return failure_set(failure, -EBADMSG, "plan", "step");
		}
	}
	if (!reader_done(&reader))
		return failure_set(failure, -EBADMSG, "plan", "trailing bytes");
	if (!ends_plan(step.kind))
		return failure_set(failure, -EBADMSG, "plan", "no exec at the end");
	return 0;
}
