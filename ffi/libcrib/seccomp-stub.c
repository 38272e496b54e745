#include "seccomp-builder.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A few instructions in front of the filter: a system call newer than every one the profile names is answered
 * ENOSYS instead of the profile's refusal. glibc tries new calls first (clone3, faccessat2, fchmodat2) and falls back
 * to the old ones on ENOSYS only; EPERM breaks programs built after the profile was written. runc does the same.
 *
 * Per architecture:    JEQ arch ─no──▶ next block
 *                      LD nr
 *      (x86_64 only)   JGE x32 bit ─▶ compare with x32's highest
 *                      JGT highest ─yes─▶ RET ENOSYS;  no ─▶ JA the filter
 */
#define X32_BIT 0x40000000U
#define RET_ENOSYS (SECCOMP_RET_ERRNO | ENOSYS)

static bool refuses(uint32_t action)
{
	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
		return true;
	case SECCOMP_RET_ERRNO:
		return action != RET_ENOSYS;
	default:
		return false;
	}
}

static const struct crib_arch *find(const struct crib_seccomp *builder, uint32_t token)
{
	for (uint32_t i = 0; i < builder->arch_count; i++)
		if (builder->arches[i].token == token)
			return &builder->arches[i];
	return NULL;
}

static uint32_t load(struct sock_filter *out, size_t offset)
{
	*out = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset);
	return 1;
}

/* `x32_highest` of UINT32_MAX leaves x32 calls to the filter. */
static uint32_t x86_64_block(struct sock_filter *out, const struct crib_arch *arch, uint32_t x32_highest)
{
	uint32_t at = 0;
	out[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch->token, 0, 6);
	at += load(&out[at], offsetof(struct seccomp_data, nr));
	out[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 1, 0);
	out[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)arch->highest, 1, 2);
	out[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, x32_highest, 0, 1);
	out[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, RET_ENOSYS);
	out[at++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0);
	return at;
}

static uint32_t plain_block(struct sock_filter *out, const struct crib_arch *arch)
{
	uint32_t at = 0;
	out[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch->token, 0, 4);
	at += load(&out[at], offsetof(struct seccomp_data, nr));
	out[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)arch->highest, 0, 1);
	out[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, RET_ENOSYS);
	out[at++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0);
	return at;
}

uint32_t crib_seccomp_stub(const struct crib_seccomp *builder, struct sock_filter out[CRIB_STUB_MAX])
{
	if (!refuses(builder->default_action))
		return 0;
	const struct crib_arch *x32 = find(builder, SCMP_ARCH_X32);
	uint32_t x32_highest = x32 != NULL && x32->highest >= 0 ? (uint32_t)x32->highest : UINT32_MAX;

	uint32_t count = load(out, offsetof(struct seccomp_data, arch));
	for (uint32_t i = 0; i < builder->arch_count; i++) {
		const struct crib_arch *arch = &builder->arches[i];
		if (arch->token == SCMP_ARCH_X32 || arch->highest < 0)
			continue;
		count += arch->token == SCMP_ARCH_X86_64 ? x86_64_block(&out[count], arch, x32_highest)
							 : plain_block(&out[count], arch);
	}
	if (count == 1)
		return 0;
	/* The jumps over the remaining blocks are known only now that the stub has its length. */
	for (uint32_t i = 0; i < count; i++)
		if (out[i].code == (BPF_JMP | BPF_JA))
			out[i].k = count - i - 1;
	return count;
}
