#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel allows 64 programs on one group; we leave one, another manager may have left a few. */
#define ATTACHED_MAX 64
/* `struct bpf_insn` has 8 bytes. */
#define INSTRUCTION_BYTES 8

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	int result = (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
	return result < 0 ? -errno : result;
}

static int load(const uint8_t *program, size_t length)
{
	union bpf_attr attr;
	/* Padding counts: the kernel refuses any byte beyond what it knows that is not zero. */
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)program;
	attr.insn_cnt = (uint32_t)(length / INSTRUCTION_BYTES);
	attr.license = (uint64_t)(uintptr_t) "Apache-2.0";
	memcpy(attr.prog_name, "crib_devices", sizeof("crib_devices"));
	return bpf(BPF_PROG_LOAD, &attr);
}

static int query(int group, uint32_t *ids, uint32_t *count)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)group;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = ATTACHED_MAX;
	int result = bpf(BPF_PROG_QUERY, &attr);
	*count = attr.query.prog_cnt;
	return result;
}

static int open_by_id(uint32_t id)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.prog_id = id;
	return bpf(BPF_PROG_GET_FD_BY_ID, &attr);
}

static int attach(int group, int program, int replaced)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)group;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (replaced >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replaced;
	}
	return bpf(BPF_PROG_ATTACH, &attr);
}

static int detach(int group, int program)
{
	union bpf_attr attr;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)group;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	return bpf(BPF_PROG_DETACH, &attr);
}

/*
 * Every attached program must agree before a device opens, so with several the new one comes first and the
 * old ones go after: in between access is narrower, never wider.
 */
static int detach_all(int group, const uint32_t *ids, uint32_t count, const char *directory, struct crib_err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		cleanup_close int old = open_by_id(ids[i]);
		if (old < 0)
			return crib_fail(err, -old, "bpf program by id", directory);
		int result = detach(group, old);
		if (result < 0)
			return crib_fail(err, -result, "bpf detach", directory);
	}
	return 0;
}

int crib_attach_device_program(const char *directory, const uint8_t *program, size_t length, struct crib_err *err)
{
	cleanup_close int group = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group < 0)
		return crib_fail(err, errno, "open", directory);
	cleanup_close int loaded = load(program, length);
	if (loaded < 0)
		return crib_fail(err, -loaded, "bpf load device program", directory);

	uint32_t ids[ATTACHED_MAX];
	uint32_t count = 0;
	int result = query(group, ids, &count);
	if (result < 0)
		return crib_fail(err, -result, "bpf query", directory);

	/* One old program, ours, is exchanged in one step (Linux ≥ 5.6). */
	cleanup_close int old = count == 1 ? open_by_id(ids[0]) : -1;
	result = attach(group, loaded, old);
	if (result == 0 && old >= 0)
		return 0;
	if (result < 0 && old >= 0)
		result = attach(group, loaded, -1);
	if (result < 0)
		return crib_fail(err, -result, "bpf attach device program", directory);
	return detach_all(group, ids, count, directory, err);
}
