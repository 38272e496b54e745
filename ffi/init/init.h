#ifndef CRIB_INIT_H
#define CRIB_INIT_H

#include "wire/failure.h"
#include "wire/numbers.h"
#include "wire/plan.h"

/*
 * The init stage: what runs between clone and execve, in a single-threaded child of the monitor.
 *
 * It talks to its monitor over one SOCK_SEQPACKET socket that is close-on-exec: each message is a struct report, end of
 * file after REPORT_READY means that execve worked.
 *
 * A launch into a pid namespace that others live in already ("entering") ends otherwise, since whoever is seen there
 * may be traced, stopped and robbed of its descriptors by those others. The stage stays in the monitor's pid namespace,
 * gives up everything the container may not have, and only then lets a last process be born inside, which has no more
 * to do than execve. The stage sleeps until that has happened (as after vfork) and ends; its end is what tells the
 * monitor. The new process holds a pipe for the errno of a failed execve and no way to tell anything else.
 *
 *   REPORT_FAILURE   the launch is over; `failure` says where
 *   REPORT_WARNING   the launch goes on without what `failure` names
 *   REPORT_TERMINAL  carries the pty master as SCM_RIGHTS
 *   REPORT_READY     every step is done, execve is next: death from here on is the workload's own
 *   REPORT_CHILD     carries the pidfd of the process that goes on with the plan and waits for a byte first
 */
struct report {
	uint32_t kind;
	struct failure failure;
};

/* Memory that a stage shares with its monitor; the process born last does not have it. */
struct launch_note {
	int32_t born;   /* the last process, in the monitor's numbering; the kernel writes it before that one runs */
	uint16_t step;  /* enum plan_step_kind that is being carried out */
	uint16_t index; /* and its position */
};

struct stage_start {
	int report;              /* this end of the socket, close-on-exec */
	int errors;              /* the pipe of the last process, or -1 when the stage itself becomes the workload */
	int pid_namespace;       /* entered by the last process, or -1 */
	int procfs;              /* a mount namespace whose /proc is of that pid namespace, for old kernels, or -1 */
	int join;                /* pidfd of the process whose namespaces are joined, or -1 */
	int host_mounts;         /* the mount namespace that the stage begins in, since the monitor's is empty */
	bool own_mounts;         /* in a copy of it */
	int daemon;              /* the connection over which the plan came, or -1 */
	int user_namespace;      /* the pod's own, or -1 */
	int inherited_oom_score; /* written first when the monitor lowered its own; INT32_MIN: leave alone */
	int cgroup_step;         /* index of a join-cgroup step that clone3 already did, or -1 */
};

/*
 * Descriptors 0, 1 and 2 are the workload's; nothing else but those of `start` is open. Runs the plan (already checked
 * by plan_open, and lying in `bytes`) and never returns: the process becomes the workload, or ends when the one born
 * last has, or exits 127 after a REPORT_FAILURE. Everything else in its memory, which is the monitor's, is given up
 * first.
 */
_Noreturn void init_run(const struct plan *plan, struct bytes bytes, const struct stage_start *start,
			struct launch_note *note);

/*
 * Goes on in `go` with a copy of `head`, then `tail`, and with the page `shared` (or NULL), on a new stack: of all
 * other memory only the program is left, its variables zeroed. There is no heap afterwards. `go` does not return. Exits
 * 126 when the kernel refuses.
 */
_Noreturn void memory_leave(const void *head, size_t head_size, struct bytes tail, void *shared,
			    void (*go)(void *kept, void *shared));
/* Wipes what earlier calls have left on the stack. */
void memory_forget_below(void);

/* After setns into a user namespace: makes every id of the caller its root; the capabilities came with setns. */
int become_namespace_root(void);

/*
 * A procfs of the caller's own pid namespace that is mounted nowhere, so that no mount made by a container can stand in
 * for a file in it (CVE-2025-52881). Returns a descriptor of its root.
 */
int procfs_open(struct failure *failure);
/* Writes sys/<key> beneath `procfs`, following nothing and leaving it never. */
int procfs_write_sysctl(int procfs, const char *key, const char *value, struct failure *failure);

#endif
