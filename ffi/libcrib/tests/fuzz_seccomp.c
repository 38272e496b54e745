/*
 * Random profiles through the whole of the compiler: whatever comes out must be a program the kernel could load, that
 * is a whole number of instructions whose jumps all stay inside and whose every path ends in a return.
 */
#include "check.h"
#include "crib.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

static uint64_t state = 88172645463325252ULL;

static uint64_t next(void)
{
	/* xorshift64: the same inputs at every run, so that a failure can be run again. */
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static const char *const arches[] = {"x86_64", "x86",     "x32",  "aarch64", "arm",
				     "s390x",  "riscv64", "mips", "no-arch", ""};
static const char *const names[] = {"read",   "write",   "clone3", "socket", "socketcall", "ipc",   "personality",
				    "ptrace", "chown32", "nope",   "",       "mmap",       "mmap2", "exit_group"};
static const uint32_t actions[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO | 1, SECCOMP_RET_KILL_PROCESS,
				   SECCOMP_RET_LOG,   SECCOMP_RET_TRAP,      0x12345678};

#define PICK(table) table[next() % (sizeof(table) / sizeof(table[0]))]

static void add_random_rule(struct crib_seccomp *builder)
{
	struct crib_seccomp_arg args[8];
	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
		args[i] = (struct crib_seccomp_arg){(uint32_t)(next() % 8), (uint32_t)(next() % 9), next() % 5, next()};
	crib_seccomp_add_rule(builder, PICK(names), PICK(actions), args, next() % 4 == 0 ? (uint32_t)(next() % 9) : 0);
}

static void check_program(const uint8_t *bytes, int length)
{
	CHECK(length % (int)sizeof(struct sock_filter) == 0);
	int count = length / (int)sizeof(struct sock_filter);
	CHECK(count > 0 && count <= BPF_MAXINSNS);
	for (int at = 0; at < count; at++) {
		struct sock_filter instruction;
		memcpy(&instruction, bytes + (size_t)at * sizeof(instruction), sizeof(instruction));
		if (BPF_CLASS(instruction.code) != BPF_JMP)
			continue;
		uint32_t left = (uint32_t)(count - at - 1);
		if (instruction.code == (BPF_JMP | BPF_JA))
			CHECK(instruction.k < left);
		else
			CHECK(instruction.jt < left && instruction.jf < left);
	}
	CHECK(BPF_CLASS(((struct sock_filter){.code = bytes[length - 8]}).code) == BPF_RET);
}

int main(int argc, char **argv)
{
	static uint8_t program[BPF_MAXINSNS * 8];
	long rounds = argc > 1 ? strtol(argv[1], NULL, 10) : 400;
	long compiled = 0;
	for (long round = 0; round < rounds; round++) {
		struct crib_seccomp *builder = NULL;
		if (crib_seccomp_new(PICK(actions), &builder) < 0)
			continue;
		for (uint64_t left = next() % 5; left > 0; left--)
			crib_seccomp_add_arch(builder, PICK(arches));
		for (uint64_t left = next() % 40; left > 0; left--)
			add_random_rule(builder);
		size_t capacity = next() % 8 == 0 ? (size_t)(next() % 64) : sizeof(program);
		int length = crib_seccomp_export(builder, program, capacity);
		CHECK(length <= (int)capacity);
		if (length >= 0) {
			check_program(program, length);
			compiled++;
		}
		crib_seccomp_free(builder);
	}
	printf("%ld of %ld random profiles compiled\n", compiled, rounds);
	CHECK(compiled > rounds / 4);
	return 0;
}
