#ifndef CRIB_TESTS_WIRE_H
#define CRIB_TESTS_WIRE_H

#include <stdint.h>
#include <string.h>

#include "wire/plan.h"
#include "wire/protocol.h"

/* The writing side of the wire, for tests: what TypeScript does in production. */
struct wire {
	uint8_t data[8192];
	size_t length;
};

static inline void put(struct wire *wire, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		wire->data[wire->length++] = (uint8_t)(value >> (8 * i));
}

static inline void put_bytes(struct wire *wire, const void *bytes, size_t length)
{
	put(wire, length, 4);
	memcpy(wire->data + wire->length, bytes, length);
	wire->length += length;
}

static inline void put_string(struct wire *wire, const char *text)
{
	put_bytes(wire, text, strlen(text));
	put(wire, 0, 1);
}

static inline void put_plan_header(struct wire *wire, uint32_t steps)
{
	put(wire, PLAN_MAGIC, 4);
	put(wire, PLAN_VERSION, 2);
	put(wire, PLAN_PIDNS_OWN, 1);
	put(wire, 0, 1);
	put(wire, 0x20020000, 8);
	put(wire, 0, 4);
	put(wire, 0, 4);
	put(wire, 0, 4);
	put(wire, steps, 4);
}

static inline void put_step(struct wire *wire, uint16_t kind, const struct wire *payload)
{
	put(wire, kind, 2);
	put(wire, 0, 2);
	put_bytes(wire, payload->data, payload->length);
}

static inline void put_runtime(struct wire *payload, const char *bundle, const char *program, uint32_t timeout_seconds)
{
	put_string(payload, bundle);
	put(payload, 1, 4);
	put_string(payload, program);
	put(payload, 0, 4);
	put(payload, 0, 4);
	put_string(payload, "pid");
	put(payload, 0, 1);
	put(payload, timeout_seconds, 4);
}

static inline void put_shim(struct wire *payload, const char *bundle, const char *socket, const char *root,
			    uint32_t timeout_seconds)
{
	put_string(payload, bundle);
	put_string(payload, socket);
	put_string(payload, root);
	for (int request = 0; request < 6; request++)
		put_bytes(payload, "r", 1);
	put(payload, timeout_seconds, 4);
}

static inline void put_hook(struct wire *payload, const char *path, uint32_t timeout_seconds)
{
	put_string(payload, path);
	put(payload, 1, 4);
	put_string(payload, "hook");
	put(payload, 0, 4);
	put_bytes(payload, "{}", 2);
	put(payload, timeout_seconds, 4);
}

static inline void put_exec(struct wire *wire)
{
	struct wire payload = {.length = 0};
	put(&payload, 2, 4);
	put_string(&payload, "/bin/true");
	put_string(&payload, "an argument");
	put(&payload, 1, 4);
	put_string(&payload, "PATH=/bin");
	put_step(wire, STEP_EXEC, &payload);
}

#endif
