/*
 * The whole ABI of libcrib.so, the shared shim that crib's TypeScript calls through bun:ffi.
 *
 * Here lives only what cannot be one plain libc call from JavaScript: variadic calls, system calls without a
 * glibc wrapper of Debian 12's age, and sequences that must not be interrupted by a garbage collector or
 * leave the calling thread half way. Rules for every export:
 *  - returns >= 0, or -errno; nothing is printed, nothing exits, no global state;
 *  - every descriptor it makes is close-on-exec;
 *  - where several steps may fail, `struct crib_err` says which one and on what.
 * src/kernel/linux/linux-shim.ts is the other side of this table and refuses another CRIB_ABI_VERSION.
 */
#ifndef CRIB_H
#define CRIB_H

#include <stddef.h>
#include <stdint.h>

#define CRIB_ABI_VERSION 1
#define CRIB_EXPORT __attribute__((visibility("default")))

/* Which step failed on what; both strings are NUL-terminated and cut to fit. Read from TypeScript by offset. */
struct crib_err {
	int32_t errnum;
	char step[28];
	char path[224];
};

CRIB_EXPORT int crib_abi_version(void);

/* files.c: O_CLOEXEC is added to every open. */
CRIB_EXPORT int crib_openat(int dir, const char *path, int flags, uint32_t mode);
CRIB_EXPORT int crib_openat2(int dir, const char *path, int flags, uint32_t mode, uint32_t resolve);
CRIB_EXPORT int crib_write_all(int fd, const uint8_t *bytes, size_t length);
CRIB_EXPORT int crib_lsetxattrat(int dir, const char *path, const char *name, const uint8_t *value, size_t length);

/* tree-usage.c: measured on a thread of its own, which writes one struct crib_tree_usage to the pipe that is returned.
 */
struct crib_tree_limits {
	uint64_t max_entries;
	uint64_t max_ms;
};
struct crib_tree_usage {
	uint64_t blocks; /* of 512 bytes */
	uint64_t inodes;
	uint64_t entries;
	int32_t incomplete; /* a limit was reached, or a directory moved away under the walk: there is more */
	int32_t failure;    /* errno of a root that could not be looked at, or 0 */
};
CRIB_EXPORT int crib_tree_usage(const char *path, const struct crib_tree_limits *limits, struct crib_err *err);

/* remove-tree.c: `name` in the directory `parent` goes on a thread of its own, which writes one int32_t, 0 or an errno,
 * to the pipe that is returned. */
CRIB_EXPORT int crib_remove_tree(int parent, const char *name, struct crib_err *err);

/* memfd.c */
CRIB_EXPORT int crib_sealed_memfd(const char *name, const uint8_t *bytes, size_t length, struct crib_err *err);

/* mounts.c */
/* `lower` is `count` NUL-terminated absolute paths one after another, top layer first. */
CRIB_EXPORT int crib_overlay_view(const char *lower, uint32_t count, struct crib_err *err);
/* An EROFS image and the archive its files' content is in, as a mount that is attached nowhere: its root. */
CRIB_EXPORT int crib_layer_mount(const char *index, const char *archive, struct crib_err *err);

/* device-program.c: replaces what decides about devices in the v2 cgroup `directory`; there is no moment without one.
 */
CRIB_EXPORT int crib_attach_device_program(const char *directory, const uint8_t *program, size_t length,
					   struct crib_err *err);

/* sockets.c */
CRIB_EXPORT int crib_socket_in(int netns, int domain, int type, int protocol, struct crib_err *err);
/* A TCP socket that is connecting to `port` of 127.0.0.1 or ::1 in a network namespace (-1: the caller's). Never
 * blocks. */
CRIB_EXPORT int crib_connect_loopback(int netns, int ip_version, int port, struct crib_err *err);
/* 1 connected, 0 not yet, -errno. */
CRIB_EXPORT int crib_connected(int fd);
CRIB_EXPORT int crib_listen_unix(const char *path, int backlog, struct crib_err *err);
/* 0 once the thread has its copies of both; what becomes of the request is not told. */
CRIB_EXPORT int crib_send_aside(int fd, const uint8_t *bytes, size_t length);
CRIB_EXPORT int crib_receive(int fd, uint8_t *into, size_t length, int timeout_ms);

/*
 * converse.c: connects to a unix socket, sends `bytes` with `descriptor` and writes whatever is answered to the pipe
 * that is returned, which does not block; it ends with the conversation or after `timeout_ms`.
 */
CRIB_EXPORT int crib_converse(const char *path, const uint8_t *bytes, size_t length, int descriptor, int timeout_ms,
			      struct crib_err *err);

/* processes.c */
CRIB_EXPORT int crib_pidfd_open(int pid);
CRIB_EXPORT int crib_pidfd_send_signal(int pidfd, int signal);

/* spawn.c: `argv` is `argc` NUL-terminated strings one after another. Returns the pid. */
CRIB_EXPORT int crib_spawn_detached(int executable, const char *argv, uint32_t argc, const int32_t *fds,
				    uint32_t fd_count, struct crib_err *err);

/* jobs.c: system calls that may wait, on threads beside the caller's; job.h says what each kind is asked and answers.
 */
#define CRIB_JOB_FDS 16
struct crib_jobs;
/* Once, for the whole life of the process. Returns the stream that replies come from, not blocking. */
CRIB_EXPORT int crib_jobs_open(uint32_t most_threads, struct crib_jobs **out);
/* `kind`: enum crib_job_kind. `request` and the descriptors are copied. Returns the job's number, which its reply
 * bears. */
CRIB_EXPORT int crib_jobs_start(struct crib_jobs *jobs, uint32_t kind, const uint8_t *request, size_t length,
				const int32_t *fds, uint32_t fd_count);
/* 1 when no thread had begun it: then it is never done, and nothing is told of it. */
CRIB_EXPORT int crib_jobs_cancel(struct crib_jobs *jobs, uint32_t id);

/* seccomp.c: build, then export once, then free whatever happened. */
struct crib_seccomp_arg {
	uint32_t index;
	uint32_t op; /* enum scmp_compare */
	uint64_t value;
	uint64_t value_two;
};
struct crib_seccomp;
CRIB_EXPORT int crib_seccomp_new(uint32_t default_action, struct crib_seccomp **out);
/* 0, or -EINVAL for an architecture libseccomp does not know. */
CRIB_EXPORT int crib_seccomp_add_arch(struct crib_seccomp *builder, const char *name);
/* 1 when the rule is in, 0 when no architecture knows the name (skipped, as runc does). */
CRIB_EXPORT int crib_seccomp_add_rule(struct crib_seccomp *builder, const char *name, uint32_t action,
				      const struct crib_seccomp_arg *args, uint32_t arg_count);
/* `struct sock_filter[]` into `out`; the number of bytes, or -E2BIG when `capacity` is too small. */
CRIB_EXPORT int crib_seccomp_export(struct crib_seccomp *builder, uint8_t *out, size_t capacity);
CRIB_EXPORT void crib_seccomp_free(struct crib_seccomp *builder);

#endif
