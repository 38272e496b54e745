#include "judge.h"
#include "wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	judge(bytes, length);
	return 0;
}

#ifdef FUZZ_SMOKE
#include <stdio.h>

#define ROUNDS 200000

static uint32_t state = 2463534242u;

static uint32_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static void make_seed(struct wire *seed, uint32_t round)
{
	struct wire plan = {.length = 0};
	struct wire path = {.length = 0};
	put_plan_header(&plan, 2);
	put_string(&path, "/proc/kcore");
	put_step(&plan, STEP_MASK, &path);
	put_exec(&plan);
	seed->length = 0;
	put(seed, round % 2, 1);
	put(seed, FRAME_START, 1);
	if (round % 2 == 0) {
		memcpy(seed->data + seed->length, plan.data, plan.length);
		seed->length += plan.length;
		return;
	}
	put_string(seed, "0123456789abcdef");
	put(seed, 0x010001, 3);
	put_string(seed, "/var/log/pods/x");
	put_string(seed, "/sys/fs/cgroup/memory.events");
	put_bytes(seed, plan.data, plan.length);
}

int main(void)
{
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct wire input;
		make_seed(&input, round);
		for (uint32_t change = next_random() % 4; change > 0; change--)
			input.data[next_random() % input.length] = (uint8_t)next_random();
		if (next_random() % 4 == 0)
			input.length = next_random() % (input.length + 1);
		LLVMFuzzerTestOneInput(input.data, input.length);
	}
	printf("ok fuzz_smoke (%u inputs)\n", (unsigned)ROUNDS);
	return 0;
}
#endif
