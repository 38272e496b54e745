#ifndef CRIB_ARCH_AUDIT_H
#define CRIB_ARCH_AUDIT_H

#include <linux/audit.h>

/* What seccomp filters see as the architecture of a call of ours: numbers of
 * calls are another's on another. */
#if defined(__x86_64__)
#define ARCH_AUDIT AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH_AUDIT AUDIT_ARCH_AARCH64
#else
#error "no architecture of crib's: see ffi/arch/"
#endif

#endif
