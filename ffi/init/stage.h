#ifndef CRIB_INIT_STAGE_H
#define CRIB_INIT_STAGE_H

#include <sys/resource.h>
#include <sys/types.h>

#include "init.h"

/* What the steps of one launch share. Descriptors are -1 while there are none. */
struct stage {
	int report;
	int errors;        /* the last process's pipe; -1 when the stage itself becomes the workload */
	int pid_namespace; /* that the last process is born in; -1 without one, and once it is set */
	int pid_procfs;    /* a mount namespace whose /proc is of it, for old kernels, or -1 */
	struct launch_note *note;
	struct bytes plan;  /* of which only the last step is left when the last process is born */
	uint64_t cookie;    /* see filter.c */
	int daemon;         /* pidfd of who sent the plan, or why there is none */
	int user_namespace; /* of the pod; -1 when it is the host's, and once it is entered */
	int root;           /* O_PATH of the container's root; steps resolve every in-root path against it */
	int procfs;         /* private, made when first needed */
	int mask_dir;       /* the attached empty tmpfs that further masks are cloned from */
	int null;           /* verified /dev/null of the container */
	int slots[PLAN_SLOTS_MAX];
	bool labelled; /* the plan has a label, which takes a procfs of the stage's own pid namespace */
	bool shut;
	bool terminal;          /* the last process takes it as its controlling one */
	bool no_new_privileges; /* and so the filter can be loaded last */
	bool limits_processes;
	struct rlimit
		processes; /* is set last: the last process and the stage are one more than the workload will be */
	struct seccomp_step filter; /* to be loaded last; no program when there is none */
	bool joined;                /* an exec: the root and its mounts exist already */
	bool detached;              /* the root waits, unattached, for the mount namespace of the user namespace */
	bool cut;                   /* root-propagation is done: mounts made from here on stay in this namespace */
	bool shared;                /* root-propagation was "shared": the root mount becomes so after the pivot */
	mode_t mask;                /* what the workload gets; the stage itself runs with 0 */
	struct failure failure;
};

/* Records the failure of `call` on `path` and returns `code`, a negative errno. */
int stage_fail(struct stage *stage, int code, const char *call, const char *path);
/* Tells the monitor of something that was refused without ending the launch; always 0. */
int stage_warn(struct stage *stage, int code, const char *call, const char *path);
int stage_send(const struct stage *stage, const struct report *report, int descriptor);
/* The container's root, opened when no step has made one (an exec); -errno. */
int stage_root(struct stage *stage);
int stage_procfs(struct stage *stage);
/*
 * Closes everything but 0, 1, 2 and what talks to the monitor, and takes on the workload's umask. Close-on-exec would
 * come too late: a working directory or an executable named /proc/self/fd/N must not find one of ours (CVE-2024-21626).
 * Called before the first step that touches what the image names. From here on children are born where the workload
 * belongs, and none but the last is: hooks lie behind.
 */
int stage_seal(struct stage *stage);
/*
 * The same without the procfs that labels are written through, and wipes the stack: the last of what a seccomp filter
 * may forbid, so it comes before one. The second time nothing is done.
 */
int stage_shut(struct stage *stage);
static inline bool stage_enters(const struct stage *stage)
{
	return stage->errors >= 0;
}

/* limits.c */
int step_join_cgroup(struct stage *stage, const char *procs_file);
int step_oom_score_adj(struct stage *stage, int score);
int step_rlimit(struct stage *stage, const struct rlimit_step *step);
/* namespaces.c */
int stage_join(struct stage *stage, int pidfd, unsigned namespaces);
int step_join_namespace(struct stage *stage, const struct join_namespace_step *step);
int step_unshare(struct stage *stage, uint64_t flags);
int step_hostname(struct stage *stage, const char *name);
/* user-namespace.c */
int step_enter_user_namespace(struct stage *stage, uint64_t flags);
/* Shows the files of a detached tree with the ids that the pod's user namespace gives them. */
int idmap_tree(struct stage *stage, int tree, unsigned flags, const char *path);
/* sources.c */
int step_open_source(struct stage *stage, const struct open_source_step *step);
int step_idmap_source(struct stage *stage, uint32_t slot);
/* image-volume.c */
int step_open_image(struct stage *stage, const struct open_image_step *step);
/* copy-up.c */
int step_copy_up(struct stage *stage, const struct copy_up_step *step);
/* overlay.c */
/*
 * An overlay that is attached nowhere: its descriptor, or -errno. `staging` is covered meanwhile, in this mount
 * namespace. `idmapped` shows the layers, not the writable one, with the ids of the pod's user namespace.
 */
int overlay_make(struct stage *stage, const struct rootfs_step *step, bool idmapped);
/* layer.c */
/* Whether the descriptors of the daemon that `layers` led to were its own: -errno when it has ended. */
int layers_check(struct stage *stage, struct string_list layers);
/* A private bind of one layer that is attached nowhere: its descriptor, or -errno. `idmapped` as in overlay_make. */
int layer_clone(struct stage *stage, const char *path, bool idmapped);
/* rootfs.c */
int step_root_propagation(struct stage *stage, uint8_t propagation);
int step_rootfs(struct stage *stage, const struct rootfs_step *step, bool idmapped);
int step_pivot(struct stage *stage);
int step_read_only_root(struct stage *stage);
/* mounts.c */
int step_mount(struct stage *stage, const struct mount_step *step);
int step_bind(struct stage *stage, const struct bind_step *step);
/* filesystem.c */
int filesystem_open(struct stage *stage, const char *type);
int filesystem_option(struct stage *stage, int fs, const char *option);
int filesystem_create(struct stage *stage, int fs, uint64_t attributes, const char *path);
/* nodes.c */
int step_device(struct stage *stage, const struct device_step *step);
int step_symlink(struct stage *stage, const struct symlink_step *step);
/* protect.c */
int step_mask(struct stage *stage, const char *path);
int step_read_only(struct stage *stage, const char *path);
/* console.c */
int step_console(struct stage *stage);
/* settings.c */
int step_sysctl(struct stage *stage, const struct sysctl_step *step);
int step_session_keyring(struct stage *stage, const char *name);
int step_lsm_label(struct stage *stage, const struct lsm_label_step *step);
/* identity.c */
int step_stdio_owner(struct stage *stage, uid_t uid);
int step_user(struct stage *stage, const struct user_step *step);
int step_no_new_privileges(struct stage *stage);
/* filter.c */
int step_seccomp(struct stage *stage, const struct seccomp_step *step);
int filter_load(struct stage *stage, const struct seccomp_step *step);
/* A system call that the workload's filter lets through for us alone; see filter.c for which ones. */
long filter_call(const struct stage *stage, long number, long first, long second, long third);
/* birth.c */
/* Returns in the process that is to become the workload; in the stage only when it could not be made. */
int birth(struct stage *stage, const struct exec_step *step);
/* capabilities.c */
int step_capabilities(struct stage *stage, const struct capabilities_step *step);
/* exec.c */
int step_working_directory(struct stage *stage, const struct working_directory_step *step);
int step_exec(struct stage *stage, const struct exec_step *step);
/* A NULL-terminated vector over the strings in the plan, NULL without memory; it stays until execve. */
char **string_vector(struct string_list list);
/* runtime.c: ends in success, or returns with nothing made. */
int step_runtime(struct stage *stage, const struct runtime_step *step);
int step_shim_start(struct stage *stage, const struct shim_start_step *step);
/* shim.c: the stage stays as the container, or returns with nothing made. */
int step_shim(struct stage *stage, const struct shim_step *step);
/* hook.c */
int64_t stage_now_ms(void);
int step_hook(struct stage *stage, const struct hook_step *step);

#endif
