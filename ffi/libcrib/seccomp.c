#include "seccomp-builder.h"
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* SCMP_FLTATR_CTL_OPTIMIZE: a binary tree over the numbers. It compiles slower than a list, but the result is cached
 * and every system call of every container pays for the walk. */
#define OPTIMIZE_BINARY_TREE 2

static void note_arch(struct crib_seccomp *builder, uint32_t token)
{
	for (uint32_t i = 0; i < builder->arch_count; i++)
		if (builder->arches[i].token == token)
			return;
	builder->arches[builder->arch_count++] = (struct crib_arch){.token = token, .highest = -1};
}

int crib_seccomp_new(uint32_t default_action, struct crib_seccomp **out)
{
	struct crib_seccomp *builder = calloc(1, sizeof(*builder));
	if (builder == NULL)
		return -ENOMEM;
	builder->default_action = default_action;
	builder->filter = seccomp_init(default_action);
	if (builder->filter == NULL) {
		free(builder);
		return -EINVAL;
	}
	/* libseccomp's default kills one thread of a process of a foreign architecture, which leaves the rest hanging.
	 */
	seccomp_attr_set(builder->filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	seccomp_attr_set(builder->filter, SCMP_FLTATR_CTL_OPTIMIZE, OPTIMIZE_BINARY_TREE);
	note_arch(builder, seccomp_arch_native());
	*out = builder;
	return 0;
}

int crib_seccomp_add_arch(struct crib_seccomp *builder, const char *name)
{
	uint32_t token = seccomp_arch_resolve_name(name);
	if (token == 0)
		return -EINVAL;
	if (builder->arch_count == CRIB_ARCHES_MAX)
		return -E2BIG;
	int result = seccomp_arch_add(builder->filter, token);
	if (result < 0 && result != -EEXIST)
		return result;
	note_arch(builder, token);
	return 0;
}

static void note_number(struct crib_seccomp *builder, const char *name)
{
	for (uint32_t i = 0; i < builder->arch_count; i++) {
		struct crib_arch *arch = &builder->arches[i];
		int number = seccomp_syscall_resolve_name_arch(arch->token, name);
		if (number > arch->highest)
			arch->highest = number;
	}
}

int crib_seccomp_add_rule(struct crib_seccomp *builder, const char *name, uint32_t action,
			  const struct crib_seccomp_arg *args, uint32_t arg_count)
{
	struct scmp_arg_cmp compare[6];
	if (arg_count > sizeof(compare) / sizeof(compare[0]))
		return -EINVAL;
	int number = seccomp_syscall_resolve_name(name);
	if (number == __NR_SCMP_ERROR)
		return 0;
	/* Counted even when the rule itself is redundant: the profile's author knew of this system call. */
	note_number(builder, name);
	if (action == builder->default_action)
		return 1;
	for (uint32_t i = 0; i < arg_count; i++)
		compare[i] = (struct scmp_arg_cmp){.arg = args[i].index,
						   .op = (enum scmp_compare)args[i].op,
						   .datum_a = args[i].value,
						   .datum_b = args[i].value_two};
	int result = seccomp_rule_add_array(builder->filter, action, number, arg_count, compare);
	/* The same rule twice is no error in a profile written by hand. */
	return result < 0 && result != -EEXIST ? result : 1;
}

static int read_back(int fd, uint8_t *out, size_t capacity)
{
	struct stat about;
	if (fstat(fd, &about) < 0)
		return -errno;
	if ((size_t)about.st_size > capacity)
		return -E2BIG;
	ssize_t got = pread(fd, out, (size_t)about.st_size, 0);
	if (got < 0)
		return -errno;
	return got == about.st_size ? (int)got : -EIO;
}

int crib_seccomp_export(struct crib_seccomp *builder, uint8_t *out, size_t capacity)
{
	struct sock_filter stub[CRIB_STUB_MAX];
	size_t stub_bytes = crib_seccomp_stub(builder, stub) * sizeof(struct sock_filter);
	if (stub_bytes > capacity)
		return -E2BIG;
	memcpy(out, stub, stub_bytes);

	/* libseccomp before 2.6 exports to a descriptor only. */
	cleanup_close int fd = memfd_create("crib-seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int result = seccomp_export_bpf(builder->filter, fd);
	if (result < 0)
		return result;
	int program_bytes = read_back(fd, out + stub_bytes, capacity - stub_bytes);
	return program_bytes < 0 ? program_bytes : (int)stub_bytes + program_bytes;
}

void crib_seccomp_free(struct crib_seccomp *builder)
{
	seccomp_release(builder->filter);
	free(builder);
}
