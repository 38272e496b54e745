#include <errno.h>

#include "check.h"
#include "wire.h"

static int open_wire(const struct wire *wire, struct plan *plan)
{
	struct failure failure = {0};
	return plan_open(wire->data, wire->length, plan, &failure);
}

static void reads_what_was_written(void)
{
	struct wire wire = {.length = 0};
	struct wire mount = {.length = 0};
	struct wire user = {.length = 0};
	put_plan_header(&wire, 3);
	put_string(&mount, "tmpfs");
	put_string(&mount, "tmpfs");
	put_string(&mount, "/dev");
	put(&mount, 0x0e, 8);
	put(&mount, 2, 4);
	put_string(&mount, "mode=755");
	put_string(&mount, "size=64m");
	put_step(&wire, STEP_MOUNT, &mount);
	put(&user, 1000, 4);
	put(&user, 1001, 4);
	put(&user, 2, 4);
	put(&user, 5, 4);
	put(&user, 4294967294u, 4);
	put_step(&wire, STEP_USER, &user);
	put_exec(&wire);

	struct plan plan;
	CHECK(open_wire(&wire, &plan) == 0);
	CHECK(plan.clone_flags == 0x20020000 && plan.step_count == 3 && !plan.join);

	struct reader cursor = plan.steps;
	struct plan_step step = {0};
	CHECK(plan_next(&cursor, &step) == 1);
	CHECK(step.kind == STEP_MOUNT && strcmp(step.mount.target, "/dev") == 0 && step.mount.attributes == 0x0e);
	CHECK(strcmp(string_list_next(&step.mount.options), "mode=755") == 0);
	CHECK(strcmp(string_list_next(&step.mount.options), "size=64m") == 0);
	CHECK(string_list_next(&step.mount.options) == NULL);
	CHECK(plan_next(&cursor, &step) == 1);
	CHECK(step.kind == STEP_USER && step.user.uid == 1000 && step.user.gid == 1001 && step.user.group_count == 2);
	CHECK(read_u32(&step.user.groups) == 5 && read_u32(&step.user.groups) == 4294967294u);
	CHECK(plan_next(&cursor, &step) == 1);
	CHECK(step.kind == STEP_EXEC && step.exec.argv.count == 2 && step.exec.env.count == 1);
	CHECK(plan_next(&cursor, &step) == 0);
}

/* Cut anywhere, no prefix of a plan is a plan, and none is read past its end (the sanitizer sees to that). */
static void refuses_every_prefix(void)
{
	struct wire wire = {.length = 0};
	put_plan_header(&wire, 1);
	put_exec(&wire);
	for (size_t length = 0; length < wire.length; length++) {
		struct plan plan;
		struct failure failure = {0};
		uint8_t *exact = malloc(length == 0 ? 1 : length);
		memcpy(exact, wire.data, length);
		CHECK(plan_open(exact, length, &plan, &failure) < 0);
		free(exact);
	}
}

static void refuses(const char *why, const struct wire *wire, int error)
{
	struct plan plan;
	int opened = open_wire(wire, &plan);
	if (opened != error)
		fprintf(stderr, "%s: got %d\n", why, opened);
	CHECK(opened == error);
}

static void refuses_what_is_no_plan(void)
{
	struct wire wire = {.length = 0};
	put_plan_header(&wire, 1);
	put_exec(&wire);

	struct wire other = wire;
	other.data[0] ^= 1;
	refuses("magic", &other, -EBADMSG);
	other = wire;
	other.data[4] = 9;
	refuses("version", &other, -EPROTONOSUPPORT);
	other = wire;
	other.data[6] = 4;
	refuses("pid namespace", &other, -EBADMSG);
	other = wire;
	put(&other, 0, 1);
	refuses("trailing byte", &other, -EBADMSG);

	other.length = 0;
	put_plan_header(&other, 0);
	refuses("no step", &other, -EBADMSG);
	other.length = 0;
	put_plan_header(&other, 0xffffffff);
	put_exec(&other);
	refuses("too many steps", &other, -EBADMSG);
}

static void refuses_step(const char *why, uint16_t kind, const struct wire *payload)
{
	struct wire wire = {.length = 0};
	put_plan_header(&wire, 2);
	put_step(&wire, kind, payload);
	put_exec(&wire);
	refuses(why, &wire, -EBADMSG);
}

static void refuses_bad_steps(void)
{
	struct wire payload = {.length = 0};
	refuses_step("unknown kind", 99, &payload);
	refuses_step("kind 0", 0, &payload);
	refuses_step("missing string", STEP_MASK, &payload);
	struct wire hook = {.length = 0};
	put_hook(&hook, "usr/bin/hook", 5);
	refuses_step("a hook by a relative path", STEP_HOOK, &hook);
	hook.length = 0;
	put_hook(&hook, "/usr/bin/hook", 0);
	refuses_step("a hook without end", STEP_HOOK, &hook);

	static const struct {
		const char *why;
		const char *bundle;
		const char *program;
		uint32_t timeout_seconds;
	} runtimes[] = {
		{"a runtime in a relative directory", "bundle", "/runc", 5},
		{"a runtime by a relative path", "/bundle", "runc", 5},
		{"a runtime without end", "/bundle", "/runc", 0},
	};
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		struct wire runtime = {.length = 0};
		put_runtime(&runtime, runtimes[i].bundle, runtimes[i].program, runtimes[i].timeout_seconds);
		refuses_step(runtimes[i].why, STEP_RUNTIME, &runtime);
	}

	static const struct {
		const char *why;
		const char *bundle;
		const char *socket;
		const char *root;
		uint32_t timeout_seconds;
	} shims[] = {
		{"a shim in a relative directory", "bundle", "/s", "/r", 5},
		{"a shim without a socket", "/bundle", "", "/r", 5},
		{"a shim's relative root", "/bundle", "/s", "r", 5},
		{"a shim without end", "/bundle", "/s", "/r", 0},
	};
	for (size_t i = 0; i < sizeof(shims) / sizeof(shims[0]); i++) {
		struct wire shim = {.length = 0};
		put_shim(&shim, shims[i].bundle, shims[i].socket, shims[i].root, shims[i].timeout_seconds);
		refuses_step(shims[i].why, STEP_SHIM, &shim);
	}

	put(&payload, 3, 4);
	put(&payload, 0x00006100, 4); /* "\0a\0" and the terminator: a NUL inside */
	refuses_step("NUL in a string", STEP_MASK, &payload);

	payload.length = 0;
	put(&payload, 1, 4);
	put(&payload, 0x6161, 2);
	refuses_step("no terminator", STEP_MASK, &payload);

	payload.length = 0;
	put(&payload, 0xffffffff, 4);
	put(&payload, 0, 1);
	refuses_step("length overflow", STEP_MASK, &payload);

	payload.length = 0;
	put(&payload, 0xffffffff, 4);
	refuses_step("count overflow", STEP_EXEC, &payload);

	payload.length = 0;
	put(&payload, PLAN_SLOTS_MAX, 4);
	put_string(&payload, "/source");
	put(&payload, 0, 1);
	refuses_step("slot", STEP_OPEN_SOURCE, &payload);

	payload.length = 0;
	put(&payload, PLAN_SLOTS_MAX, 4);
	refuses_step("slot to idmap", STEP_IDMAP_SOURCE, &payload);

	payload.length = 0;
	put(&payload, 0, 4);
	put(&payload, 0, 4);
	put_string(&payload, "/staging");
	put_string(&payload, "");
	put(&payload, 0, 1);
	refuses_step("image without layers", STEP_OPEN_IMAGE, &payload);

	payload.length = 0;
	put(&payload, PLAN_SLOTS_MAX, 4);
	put_string(&payload, "/data");
	put(&payload, 0, 1);
	put(&payload, 0, 4);
	refuses_step("slot to copy to", STEP_COPY_UP, &payload);

	payload.length = 0;
	put(&payload, 0, 4);
	put_string(&payload, "");
	put_string(&payload, "");
	put_string(&payload, "/rootfs");
	put(&payload, 0, 4);
	refuses_step("idmapped root without layers", STEP_IDMAPPED_ROOTFS, &payload);

	payload.length = 0;
	put(&payload, 0x20000000, 4);
	refuses_step("half a mask of namespaces", STEP_ENTER_USER_NAMESPACE, &payload);

	payload.length = 0;
	put_bytes(&payload, "1234567", 7);
	put(&payload, 0, 4);
	refuses_step("seccomp program of odd size", STEP_SECCOMP, &payload);

	payload.length = 0;
	put(&payload, 01000, 4);
	refuses_step("umask", STEP_UMASK, &payload);

	payload.length = 0;
	put(&payload, 0, 4);
	put(&payload, 0, 4);
	put(&payload, 70000, 4);
	refuses_step("groups", STEP_USER, &payload);
}

static void refuses_a_plan_without_exec(void)
{
	struct wire wire = {.length = 0};
	struct wire nothing = {.length = 0};
	put_plan_header(&wire, 1);
	put_step(&wire, STEP_PIVOT, &nothing);
	refuses("no exec", &wire, -EBADMSG);
}

int main(void)
{
	reads_what_was_written();
	refuses_every_prefix();
	refuses_what_is_no_plan();
	refuses_bad_steps();
	refuses_a_plan_without_exec();
	return checks_passed();
}
