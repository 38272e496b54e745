#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/audit.h"
#include "arch/registers.h"
#include "kernel.h"
#include "stage.h"

/*
 * The last process of an entering launch has to have the workload's filter from its first instruction: it is seen by
 * those who may trace it, and would be their way round the filter. So the stage loads it and is then under it itself,
 * with a clone and a few more calls to make that the profile may forbid.
 *
 * For these the filter gets a preface. A system call has room for six arguments and none of ours uses the sixth: the
 * preface lets our calls through when it holds 64 random bits, which exist for this launch only and are gone with
 * execve. Other calls than ours go on to the profile after two comparisons of their number, so the kernel still finds
 * out ahead of time which ones are always allowed and does not run the filter for them.
 */
#define ARGUMENT(index) ((uint32_t)(offsetof(struct seccomp_data, args) + (index) * sizeof(uint64_t)))
#define PREFACE_MAX 16

static const struct sock_filter load_architecture =
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));

/* Our calls; ioctl, which workloads make all the time, only where a terminal is to be taken. */
static unsigned our_calls(const struct stage *stage, uint32_t numbers[5])
{
	unsigned count = 0;
	numbers[count++] = SYS_clone;
	numbers[count++] = SYS_setsid;
	numbers[count++] = SYS_dup3;
	if (stage->limits_processes)
		numbers[count++] = SYS_setrlimit;
	if (stage->terminal)
		numbers[count++] = SYS_ioctl;
	return count;
}

static unsigned write_preface(const struct stage *stage, struct sock_filter *into)
{
	uint32_t numbers[5];
	unsigned calls = our_calls(stage, numbers);
	unsigned count = 0;
	/* Jumps count from the next instruction; the check has five, and the profile begins behind it. */
	unsigned check = 3 + calls;
	unsigned profile = check + 5;
	into[count++] = load_architecture;
	into[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH_AUDIT, 0, profile - 2);
	into[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < calls; i++, count++) {
		unsigned otherwise = i + 1 == calls ? profile - count - 1 : 0;
		into[count] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i],
							   (uint8_t)(check - count - 1), (uint8_t)otherwise);
	}
	into[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(5));
	into[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)stage->cookie, 0, 3);
	into[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(5) + 4);
	into[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(stage->cookie >> 32), 0, 1);
	into[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return count;
}

static int load(struct stage *stage, const struct sock_filter *program, size_t length, uint32_t flags)
{
	struct sock_fprog fprog = {
		.len = (unsigned short)length,
		/* The kernel copies it from any alignment, and it is not read here. */
		.filter = (struct sock_filter *)(uintptr_t)program,
	};
	long done = negative_errno(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &fprog));
	return done < 0 ? stage_fail(stage, (int)done, "seccomp", "") : 0;
}

int filter_load(struct stage *stage, const struct seccomp_step *step)
{
	const struct sock_filter *profile = (const struct sock_filter *)(const void *)step->program.data;
	size_t length = step->program.length / sizeof(*profile);
	if (!stage_enters(stage))
		return load(stage, profile, length, step->flags);
	if (length + PREFACE_MAX > BPF_MAXINSNS)
		return stage_fail(stage, -E2BIG, "seccomp", "the profile has too many rules to enter with");
	size_t size = (length + PREFACE_MAX) * sizeof(*profile);
	struct sock_filter *program = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (program == MAP_FAILED)
		return stage_fail(stage, -errno, "mmap", "seccomp");
	unsigned preface = write_preface(stage, program);
	/* A profile finds the accumulator at zero; most do not look, since they load something first. */
	struct sock_filter first;
	memcpy(&first, profile, sizeof(first));
	if (first.code != (BPF_LD | BPF_W | BPF_ABS))
		program[preface++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
	memcpy(program + preface, profile, length * sizeof(*profile));
	int done = load(stage, program, preface + length, step->flags);
	/* Unmapping may be forbidden by now. */
	memset(program, 0, PREFACE_MAX * sizeof(*program));
	return done;
}

/* With no_new_privs it is loaded last, so that the profile need not allow what is still to be done. */
int step_seccomp(struct stage *stage, const struct seccomp_step *step)
{
	if (stage->no_new_privileges) {
		stage->filter = *step;
		return 0;
	}
	int shut = stage_shut(stage);
	if (shut < 0)
		return shut;
	return filter_load(stage, step);
}

long filter_call(const struct stage *stage, long number, long first, long second, long third)
{
	return arch_syscall6(number, first, second, third, 0, 0, stage->cookie);
}
