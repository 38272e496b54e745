#ifndef CRIB_TESTS_JUDGE_H
#define CRIB_TESTS_JUDGE_H

#include <stdlib.h>
#include <string.h>

#include "wire/plan.h"
#include "wire/protocol.h"

/*
 * The two parsers of foreign bytes. The first byte chooses: plan, or request of the kind that the second byte names.
 * What they accept is walked to the end, as its users do, so that a sanitizer sees every byte that would be touched.
 */

static volatile size_t touched;

static inline void touch(const char *text)
{
	touched += strlen(text);
}

static inline void walk(struct string_list list)
{
	for (const char *text; (text = string_list_next(&list)) != NULL;)
		touch(text);
}

static inline void walk_step(struct plan_step *step)
{
	switch (step->kind) {
	case STEP_ROOTFS:
		walk(step->rootfs.lower);
		walk(step->rootfs.options);
		touch(step->rootfs.attach_at);
		break;
	case STEP_MOUNT:
		walk(step->mount.options);
		touch(step->mount.target);
		break;
	case STEP_EXEC:
		walk(step->exec.argv);
		walk(step->exec.env);
		break;
	case STEP_SHIM_START:
		walk(step->shim_start.argv);
		walk(step->shim_start.env);
		break;
	case STEP_SHIM:
		if (step->shim.resize.length > 0)
			touched += step->shim.resize.data[step->shim.resize.length - 1];
		touch(step->shim.socket);
		break;
	case STEP_USER:
		for (uint32_t i = 0; i < step->user.group_count; i++)
			touched += read_u32(&step->user.groups);
		break;
	case STEP_SECCOMP:
		touched += step->seccomp.program.data[step->seccomp.program.length - 1];
		break;
	default:
		break;
	}
}

static inline bool judge_plan(const uint8_t *bytes, size_t length)
{
	struct plan plan;
	struct failure failure = {0};
	if (plan_open(bytes, length, &plan, &failure) < 0)
		return false;
	struct reader cursor = plan.steps;
	struct plan_step step = {0};
	for (uint32_t i = 0; i < plan.step_count; i++) {
		if (plan_next(&cursor, &step) != 1)
			abort(); /* plan_open promised */
		walk_step(&step);
	}
	if (plan_next(&cursor, &step) != 0)
		abort();
	if (step.kind != STEP_EXEC && step.kind != STEP_RUNTIME && step.kind != STEP_SHIM_START &&
	    step.kind != STEP_SHIM)
		abort();
	return true;
}

static inline bool judge_request(uint8_t kind, const uint8_t *bytes, size_t length)
{
	struct request request;
	struct frame_header header = {.length = (uint32_t)length, .kind = kind, .request = 1};
	if (request_read(&header, bytes, &request) < 0)
		return false;
	touch(request.id);
	if (kind == FRAME_SETUP) {
		for (uint32_t i = 0; i < request.setup.sysctl_count * 2; i++)
			touch(read_string(&request.setup.sysctls));
		for (uint32_t i = 0; i < request.setup.uids.count * 3; i++)
			read_u32(&request.setup.uids.lines);
		for (uint32_t i = 0; i < request.setup.gids.count * 3; i++)
			read_u32(&request.setup.gids.lines);
		if (request.setup.sysctls.bad || request.setup.uids.lines.bad || request.setup.gids.lines.bad)
			abort();
	}
	if (kind == FRAME_STDIN && request.input.length > 0)
		touched += request.input.data[request.input.length - 1];
	if (kind == FRAME_ATTACH)
		touched += request.attach.with_stdin + request.attach.outputs[0] + request.attach.outputs[1];
	if (kind == FRAME_START || kind == FRAME_EXEC) {
		touch(request.launch.log_path);
		return judge_plan(request.launch.plan.data, request.launch.plan.length);
	}
	return true;
}

/* Whether the bytes are accepted. */
static inline bool judge(const uint8_t *bytes, size_t length)
{
	if (length < 2)
		return false;
	/* An exact copy, so that one byte too far is outside of the allocation. */
	size_t rest = length - 2;
	uint8_t *copy = malloc(rest == 0 ? 1 : rest);
	if (copy == NULL)
		abort();
	memcpy(copy, bytes + 2, rest);
	bool accepted = bytes[0] % 2 == 0 ? judge_plan(copy, rest) : judge_request(bytes[1], copy, rest);
	free(copy);
	return accepted;
}

#endif
