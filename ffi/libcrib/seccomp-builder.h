/* A filter under construction, shared by its builder and by the stub that goes in front of it. */
#ifndef CRIB_SHIM_SECCOMP_H
#define CRIB_SHIM_SECCOMP_H

#include "crib.h"

#include <linux/filter.h>
#include <seccomp.h>

#define CRIB_ARCHES_MAX 24
/* At most this many instructions per architecture, plus the one that loads the architecture. */
#define CRIB_STUB_MAX (1 + CRIB_ARCHES_MAX * 7)

struct crib_arch {
	uint32_t token;  /* AUDIT_ARCH_*, except for x32, which the kernel reports as x86_64 */
	int64_t highest; /* highest system call number any rule names; -1: none */
};

struct crib_seccomp {
	scmp_filter_ctx filter;
	uint32_t default_action;
	uint32_t arch_count;
	struct crib_arch arches[CRIB_ARCHES_MAX];
};

/* Writes the ENOSYS stub; the number of instructions (0: this filter needs none). */
uint32_t crib_seccomp_stub(const struct crib_seccomp *builder, struct sock_filter out[CRIB_STUB_MAX]);

#endif
