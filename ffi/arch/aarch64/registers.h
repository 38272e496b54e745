#ifndef CRIB_ARCH_AARCH64_REGISTERS_H
#define CRIB_ARCH_AARCH64_REGISTERS_H

#include <stdint.h>

/*
 * Compiled, and never run yet. libc keeps what is a thread's own below this pointer, and above it on x86:
 * ffi/init/clean-memory.c moves the latter.
 */

static inline __attribute__((noreturn)) void arch_call_on(void *stack, void (*function)(void *), void *argument)
{
	register void *in_x0 __asm__("x0") = argument;
	__asm__ volatile("mov sp, %0\n\tmov x29, xzr\n\tblr %1\n\tbrk #0"
			 :
			 : "r"(stack), "r"(function), "r"(in_x0)
			 : "x30", "memory");
	__builtin_unreachable();
}

static inline int arch_set_thread_pointer(void *thread)
{
	__asm__ volatile("msr tpidr_el0, %0" : : "r"(thread) : "memory");
	return 0;
}

static inline long arch_syscall6(long number, long first, long second, long third, long fourth, long fifth,
				 uint64_t sixth)
{
	register long in_x8 __asm__("x8") = number;
	register long in_x0 __asm__("x0") = first;
	register long in_x1 __asm__("x1") = second;
	register long in_x2 __asm__("x2") = third;
	register long in_x3 __asm__("x3") = fourth;
	register long in_x4 __asm__("x4") = fifth;
	register uint64_t in_x5 __asm__("x5") = sixth;
	__asm__ volatile("svc 0"
			 : "+r"(in_x0)
			 : "r"(in_x8), "r"(in_x1), "r"(in_x2), "r"(in_x3), "r"(in_x4), "r"(in_x5)
			 : "memory");
	return in_x0;
}

#endif
