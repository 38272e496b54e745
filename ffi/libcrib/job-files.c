/*
 * File operations one after another: a pod's control groups, its mounts. The caller says what it expects of each, and
 * it ends with the first that comes out otherwise: what follows was meant for another world.
 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { most_read = 64 * 1024 };

/* Followed by the path with its NUL, then `data` bytes. Written by TypeScript by offset. */
struct operation_head {
	uint32_t kind, first, second, path, data, whatever;
};

struct operation_call {
	struct operation_head head;
	const char *path;
	const uint8_t *data;
};

static int write_file(const struct operation_call *call)
{
	/* Never creates: a missing file tells that the kernel lacks the feature. */
	cleanup_close int fd = open(call->path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, call->data, call->head.data) < 0 ? -errno : 0;
}

static int read_file(const struct operation_call *call, struct job_reply *reply)
{
	cleanup_close int fd = open(call->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (size_t total = 0; total < most_read;) {
		uint8_t *room = job_reply_room(reply, 4096);
		ssize_t got = room == NULL ? -1 : read(fd, room, 4096);
		if (got < 0)
			return room == NULL ? -ENOMEM : -errno;
		if (got == 0)
			return 0;
		reply->length += (size_t)got;
		total += (size_t)got;
	}
	return -EFBIG;
}

static int list_directories(const char *path, struct job_reply *reply)
{
	DIR *directory = opendir(path);
	if (directory == NULL)
		return -errno;
	int result = 0;
	for (struct dirent *entry; result == 0 && (errno = 0, entry = readdir(directory)) != NULL;) {
		if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			result = job_reply_add(reply, entry->d_name, strlen(entry->d_name) + 1);
	}
	if (result == 0)
		result = -errno;
	closedir(directory);
	return result;
}

static int done(int result)
{
	return result < 0 ? -errno : 0;
}

static int operate(const struct operation_call *call, struct job_reply *reply)
{
	const struct operation_head *head = &call->head;
	switch ((enum file_operation)head->kind) {
	case OP_MKDIR:
		return done(mkdir(call->path, head->first));
	case OP_RMDIR:
		return done(rmdir(call->path));
	case OP_WRITE:
		return write_file(call);
	case OP_READ:
		return read_file(call, reply);
	case OP_EXISTS:
		return access(call->path, F_OK) == 0;
	case OP_CHOWN:
		return done(chown(call->path, head->first, head->second));
	case OP_DIRECTORIES:
		return list_directories(call->path, reply);
	case OP_UMOUNT:
		return done(umount2(call->path, (int)head->first));
	case OP_UNLINK:
		return done(unlink(call->path));
	case OP_DEVICES:
		return crib_attach_device_program(call->path, call->data, head->data, NULL);
	}
	return -EINVAL;
}

/* `first` is what is expected of an OP_EXISTS, the data what is expected of a read; of others it is success. */
static int is_expected(const struct operation_call *call, int result, const uint8_t *bytes, size_t length)
{
	if (call->head.whatever)
		return 1;
	if (call->head.kind == OP_EXISTS)
		return result == (int)call->head.first;
	if (result < 0 || call->head.kind == OP_DIRECTORIES)
		return 0;
	if (call->head.kind == OP_READ)
		return call->head.second != 0 && length == call->head.data && memcmp(bytes, call->data, length) == 0;
	return 1;
}

static int parse(const struct job *job, size_t *at, struct operation_call *call)
{
	size_t left = job->length - *at;
	if (left < sizeof(call->head))
		return -EINVAL;
	memcpy(&call->head, job->request + *at, sizeof(call->head));
	left -= sizeof(call->head);
	if (call->head.path == 0 || call->head.path > left || call->head.data > left - call->head.path)
		return -EINVAL;
	call->path = (const char *)job->request + *at + sizeof(call->head);
	if (call->path[call->head.path - 1] != '\0')
		return -EINVAL;
	call->data = (const uint8_t *)call->path + call->head.path;
	*at += sizeof(call->head) + call->head.path + call->head.data;
	return 0;
}

/* Each outcome is an int32_t result and a uint32_t length, then so many bytes. */
static int outcome(const struct operation_call *call, struct job_reply *reply)
{
	size_t start = reply->length;
	uint32_t head[2] = {0};
	int failed = job_reply_add(reply, head, sizeof(head));
	if (failed < 0)
		return failed;
	int32_t result = operate(call, reply);
	size_t body = start + sizeof(head);
	head[0] = (uint32_t)result;
	head[1] = (uint32_t)(reply->length - body);
	memcpy(reply->bytes + start, head, sizeof(head));
	return is_expected(call, result, reply->bytes + body, head[1]);
}

int job_files(const struct job *job, struct job_reply *reply)
{
	for (size_t at = 0; at < job->length;) {
		struct operation_call call;
		int go_on = parse(job, &at, &call);
		if (go_on == 0)
			go_on = outcome(&call, reply);
		if (go_on <= 0)
			return go_on;
	}
	return 0;
}
