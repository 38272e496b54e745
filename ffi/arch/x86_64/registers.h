#ifndef CRIB_ARCH_X86_64_REGISTERS_H
#define CRIB_ARCH_X86_64_REGISTERS_H

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef ARCH_SET_FS
#define ARCH_SET_FS 0x1002
#endif

static inline __attribute__((noreturn)) void arch_call_on(void *stack, void (*function)(void *), void *argument)
{
	__asm__ volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tcall *%1\n\tud2"
			 :
			 : "r"(stack), "r"(function), "D"(argument)
			 : "memory");
	__builtin_unreachable();
}

static inline int arch_set_thread_pointer(void *thread)
{
	return syscall(SYS_arch_prctl, ARCH_SET_FS, thread) < 0 ? -errno : 0;
}

static inline long arch_syscall6(long number, long first, long second, long third, long fourth, long fifth,
				 uint64_t sixth)
{
	register long in_r10 __asm__("r10") = fourth;
	register long in_r8 __asm__("r8") = fifth;
	register uint64_t in_r9 __asm__("r9") = sixth;
	long result = number;
	__asm__ volatile("syscall"
			 : "+a"(result)
			 : "D"(first), "S"(second), "d"(third), "r"(in_r10), "r"(in_r8), "r"(in_r9)
			 : "rcx", "r11", "memory");
	return result;
}

#endif
