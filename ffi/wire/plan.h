#ifndef CRIB_PLAN_H
#define CRIB_PLAN_H

#include "failure.h"
#include "numbers.h"
#include "reader.h"

/*
 * The launch plan on the wire. src/runtime/native/plan/steps.ts says what each step means and
 * src/runtime/native/plan/encode.ts writes this form; the two sides change together, with PLAN_VERSION. All integers
 * are little endian. Numbers of steps and their parts are in ffi/numbers.json and are never used again.
 *
 *   u32 magic  u16 version  u8 pid namespace  u8 has join
 *   u64 clone flags  u32 pid namespace's process  u32 joined process  u32 joined namespaces  u32 steps
 *   steps × { u16 kind  u16 zero  u32 length  payload }
 */
#define PLAN_STEPS_MAX 4096
#define PLAN_SLOTS_MAX 512

struct join_namespace_step {
	const char *path;
	uint32_t type;
};

struct rlimit_step {
	uint32_t resource;
	uint64_t soft;
	uint64_t hard;
};

struct open_source_step {
	uint32_t slot;
	const char *path;
	bool recursive;
};

struct rootfs_step {
	struct string_list lower;
	const char *upper; /* "" for a bind of the first lower */
	const char *work;
	const char *attach_at;
	struct string_list options;
};

struct open_image_step {
	uint32_t slot;
	struct string_list lower;
	const char *staging; /* a directory of the host to work on, seen in this mount namespace only */
	const char *path;    /* inside the image; "" for its root */
	bool idmapped;
};

struct copy_up_step {
	uint32_t slot;
	const char *path;           /* inside the root: what is copied, and where the slot's tree is bound later */
	bool on_tmpfs;              /* the slot's tree is a new tmpfs, and not one that was opened */
	struct string_list options; /* of the tmpfs */
};

struct mount_step {
	const char *type;
	const char *source;
	const char *target;
	uint64_t attributes;
	struct string_list options;
};

struct bind_step {
	uint32_t slot;
	const char *target;
	uint64_t attributes;
	bool recursive;
	uint8_t propagation;
};

struct device_step {
	const char *path;
	uint8_t type;
	uint32_t major;
	uint32_t minor;
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
};

struct symlink_step {
	const char *target;
	const char *path;
};

struct sysctl_step {
	const char *key;
	const char *value;
};

struct lsm_label_step {
	uint8_t lsm;
	const char *label;
};

struct user_step {
	uint32_t uid;
	uint32_t gid;
	uint32_t group_count;
	struct reader groups; /* group_count × u32 */
};

struct capabilities_step {
	uint64_t bounding;
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
	uint64_t ambient;
};

struct seccomp_step {
	struct bytes program; /* struct sock_filter[] */
	uint32_t flags;
};

struct working_directory_step {
	const char *path;
	bool create;
};

/* `path` is absolute, on the host; `state` is what it reads on stdin. */
struct hook_step {
	const char *path;
	struct string_list argv;
	struct string_list env;
	struct bytes state;
	uint32_t timeout_seconds;
};

/* Ends a plan as exec does: an OCI runtime makes the workload's process, which is not the stage. */
struct runtime_step {
	const char *bundle;        /* a directory of the host: where the runtime runs */
	struct string_list create; /* argv, by absolute path; leaves a process, whose number it writes to `pid_file` */
	struct string_list start;  /* argv, once the monitor knows that process; empty: there is no such part */
	struct string_list env;
	const char *pid_file;     /* in the bundle */
	bool terminal;            /* `create` sends one to console.sock in the bundle */
	uint32_t timeout_seconds; /* of either */
};

/* Ends a plan too: a shim's "start" leaves the process that serves, which is the workload. */
struct shim_start_step {
	const char *bundle;      /* a directory of the host: where it runs */
	struct string_list argv; /* by absolute path */
	struct string_list env;
	const char *input; /* files in the bundle: what it reads on stdin, and where its stdout and stderr go */
	const char *output;
	const char *errors;
	uint32_t timeout_seconds;
};

/* And this one: a shim makes the container, and the stage stays for it. The requests are ttRPC's, without their header.
 */
struct shim_step {
	const char *bundle; /* a directory of the host: links to the stdio are made there */
	const char *socket;
	const char *root; /* of the container; the stage ends up in it */
	struct bytes create;
	struct bytes start;
	struct bytes wait;
	struct bytes end;
	struct bytes close_stdin; /* empty: there is no input */
	struct bytes resize;      /* ends in width and height, each a tag and five bytes; empty: no terminal */
	uint32_t timeout_seconds; /* of create and start together */
};

struct exec_step {
	struct string_list argv;
	struct string_list env;
};

struct plan_step {
	uint16_t kind;
	uint16_t index;
	union {
		const char *path; /* join-cgroup, mask, read-only */
		const char *name; /* hostname, session-keyring */
		int32_t score;    /* oom-score-adj */
		uint64_t flags;   /* unshare, enter-user-namespace */
		uint32_t mask;    /* umask */
		uint32_t uid;     /* stdio-owner */
		uint32_t slot;    /* idmap-source */
		uint8_t propagation;
		struct join_namespace_step join_namespace;
		struct rlimit_step rlimit;
		struct open_source_step open_source;
		struct open_image_step open_image;
		struct copy_up_step copy_up;
		struct rootfs_step rootfs; /* rootfs, idmapped-rootfs */
		struct mount_step mount;
		struct bind_step bind;
		struct device_step device;
		struct symlink_step symlink;
		struct sysctl_step sysctl;
		struct lsm_label_step lsm_label;
		struct user_step user;
		struct capabilities_step capabilities;
		struct seccomp_step seccomp;
		struct working_directory_step working_directory;
		struct exec_step exec;
		struct hook_step hook;
		struct runtime_step runtime;
		struct shim_start_step shim_start;
		struct shim_step shim;
	};
};

struct plan {
	uint64_t clone_flags;
	uint8_t pid_namespace; /* enum plan_pid_namespace */
	bool join;
	uint32_t pid_namespace_process;
	uint32_t join_process;
	uint32_t join_namespaces;
	uint32_t step_count;
	struct reader steps;
};

/*
 * Reads the header and decodes every step once, so that a malformed plan is refused (-EBADMSG, -EPROTONOSUPPORT for
 * another version) before anything is cloned, and the init stage never meets one. `bytes` must outlive the plan.
 */
int plan_open(const void *bytes, size_t length, struct plan *plan, struct failure *failure);

/* Decodes the step at *cursor (start with plan.steps) and moves on. 1: a step, 0: the end, -EBADMSG: malformed. */
int plan_next(struct reader *cursor, struct plan_step *step);

#endif
