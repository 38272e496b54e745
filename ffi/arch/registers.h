#ifndef CRIB_ARCH_REGISTERS_H
#define CRIB_ARCH_REGISTERS_H

/*
 * What only the machine's own language says, an implementation for each
 * architecture:
 *
 *   arch_call_on(stack, function, argument)   goes on in `function` on another
 * stack, and never comes back arch_set_thread_pointer(thread)           where
 * libc finds what it keeps for the thread; 0 or -errno arch_syscall6(number,
 * first … sixth)      a system call with all six arguments, and nothing of
 * libc's
 */
#if defined(__x86_64__)
#include "arch/x86_64/registers.h"
#elif defined(__aarch64__)
#include "arch/aarch64/registers.h"
#else
#error "no architecture of crib's: see ffi/arch/"
#endif

#endif
