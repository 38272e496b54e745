#include "monitor/relro.h"

#include <elf.h>
#include <errno.h>
#include <sys/mman.h>

#define PAGE ((uintptr_t)4096)

/* The linker puts the program's own ELF header here; the addresses in it count from there. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

/* A dynamic loader would do this; musl's start code of a static program does not. */
int relro_protect(void)
{
	uintptr_t base = (uintptr_t)&__ehdr_start;
	/* A program that is not placed at random names its addresses in full. */
	uintptr_t offset = __ehdr_start.e_type == ET_DYN ? base : 0;
	const Elf64_Phdr *header = (const Elf64_Phdr *)(const void *)(base + __ehdr_start.e_phoff);
	for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
		if (header[i].p_type != PT_GNU_RELRO)
			continue;
		uintptr_t start = (offset + header[i].p_vaddr) & ~(PAGE - 1);
		uintptr_t end = (offset + header[i].p_vaddr + header[i].p_memsz) & ~(PAGE - 1);
		if (end > start && mprotect((void *)start, end - start, PROT_READ) < 0)
			return -errno;
	}
	return 0;
}
