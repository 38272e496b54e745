#include <string.h>
#include <sys/mman.h>

#include "arch/registers.h"
#include "init.h"
#include "kernel.h"

#define PAGE ((uintptr_t)4096)
#define STACK_SIZE ((size_t)256 << 10)
/* More than libc keeps for a thread, errno and the stack protector's word among it. */
#define THREAD_SIZE 512
/* Where user space ends with four levels of page tables; nothing is mapped beyond unless it is asked for. */
#define ADDRESS_END ((uintptr_t)0x7ffffffff000)
/* The vDSO and the pages it reads; some kernels do not let them be unmapped, and they are the same for every process.
 */
#define VDSO_ROOM ((uintptr_t)16 * PAGE)

extern char __executable_start[];
extern char __bss_start[];
extern char _end[];

/* Lies at the beginning of the new memory's last part, with what was kept behind it. */
struct room {
	void (*go)(void *kept, void *shared);
	uintptr_t start;
	uintptr_t end; /* of everything that stays, the shared page included */
	uintptr_t vdso;
	void *shared;
	uint64_t thread[THREAD_SIZE / sizeof(uint64_t)];
	_Alignas(16) uint8_t kept[];
};

static uintptr_t stack_start;

static uintptr_t page_down(uintptr_t address)
{
	return address & ~(PAGE - 1);
}

static uintptr_t page_up(uintptr_t address)
{
	return page_down(address + PAGE - 1);
}

static int unmap(uintptr_t from, uintptr_t to)
{
	return from >= to ? 0 : (int)negative_errno(munmap((void *)from, to - from));
}

/* A gap between two things that stay. Where the kernel has sealed the vDSO, what is around it goes. */
static int unmap_gap(uintptr_t from, uintptr_t to, uintptr_t vdso)
{
	int done = unmap(from, to);
	if (done != -EPERM || vdso < from || vdso >= to)
		return done;
	uintptr_t low = vdso - VDSO_ROOM > from ? vdso - VDSO_ROOM : from;
	uintptr_t high = vdso + VDSO_ROOM < to ? vdso + VDSO_ROOM : to;
	done = unmap(from, low);
	return done < 0 ? done : unmap(high, to);
}

static int unmap_all_but(const struct room *room)
{
	uintptr_t program = page_down((uintptr_t)__executable_start);
	uintptr_t program_end = page_up((uintptr_t)_end);
	bool above = room->start > program;
	uintptr_t first_end = above ? program_end : room->end;
	uintptr_t second = above ? room->start : program;
	int done = unmap_gap(0, above ? program : room->start, room->vdso);
	if (done == 0)
		done = unmap_gap(first_end, second, room->vdso);
	if (done == 0)
		done = unmap_gap(above ? room->end : program_end, ADDRESS_END, room->vdso);
	return done;
}

/* The program's variables begin anew: what buffers held is gone, and a variable is zero. */
static int clear_variables(void)
{
	uintptr_t start = (uintptr_t)__bss_start;
	uintptr_t whole = page_up(start);
	uintptr_t end = page_up((uintptr_t)_end);
	memset(__bss_start, 0, whole - start);
	return whole >= end ? 0 : (int)negative_errno(madvise((void *)whole, end - whole, MADV_DONTNEED));
}

/* libc finds errno through a register that points at what it keeps for the thread, which is one of its variables. */
static int move_thread(struct room *room)
{
	void *old = __builtin_thread_pointer();
	memcpy(room->thread, old, THREAD_SIZE);
	/* Its first word is its own address; the third and fourth link it with the other threads, of which there are
	 * none. */
	uint64_t own = (uint64_t)(uintptr_t)room->thread;
	room->thread[0] = room->thread[2] = room->thread[3] = own;
	return arch_set_thread_pointer(room->thread);
}

static void settle(void *argument)
{
	struct room *room = argument;
	if (move_thread(room) < 0 || clear_variables() < 0 || unmap_all_but(room) < 0)
		_exit(126);
	stack_start = room->start;
	room->go(room->kept, room->shared);
	_exit(126);
}

/* The kernel says where it has put the vDSO behind the environment, which is where the first stack ends. */
static uintptr_t find_vdso(void)
{
	extern char **environ;
	char **at = environ;
	while (*at != NULL)
		at++;
	for (const uint64_t *entry = (const uint64_t *)(const void *)(at + 1); entry[0] != 0; entry += 2) {
		if (entry[0] == 33) /* AT_SYSINFO_EHDR */
			return entry[1];
	}
	return 0;
}

_Noreturn void memory_leave(const void *head, size_t head_size, struct bytes tail, void *shared,
			    void (*go)(void *kept, void *shared))
{
	size_t own = STACK_SIZE + page_up(sizeof(struct room) + head_size + tail.length);
	uint8_t *start = mmap(NULL, own + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED)
		_exit(126);
	struct room *room = (struct room *)(void *)(start + STACK_SIZE);
	room->go = go;
	room->start = (uintptr_t)start;
	room->end = (uintptr_t)start + own + PAGE;
	room->vdso = find_vdso();
	if (shared != NULL) {
		room->shared = mremap(shared, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, start + own);
		if (room->shared == MAP_FAILED)
			_exit(126);
	}
	memcpy(room->kept, head, head_size);
	if (tail.length > 0)
		memcpy(room->kept + head_size, tail.data, tail.length);
	arch_call_on(room, settle, room);
}

void memory_forget_below(void)
{
	char here;
	uintptr_t top = page_down((uintptr_t)&here) - PAGE;
	if (stack_start != 0 && top > stack_start)
		madvise((void *)stack_start, top - stack_start, MADV_DONTNEED);
}
