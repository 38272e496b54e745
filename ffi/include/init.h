#ifndef CRIB_INIT_H
#define CRIB_INIT_H

#include "failure.h"
#include "plan.h"

/*
 * The init stage: what runs between clone and execve, in a single-threaded child of the monitor.
 *
 * It talks to its monitor over one SOCK_SEQPACKET socket that is close-on-exec: each message is a struct report, end of
 * file after REPORT_READY means that execve worked.
 */
enum report_kind {
	REPORT_FAILURE = 1,  /* the launch is over; `failure` says where */
	REPORT_WARNING = 2,  /* the launch goes on without what `failure` names */
	REPORT_TERMINAL = 3, /* carries the pty master as SCM_RIGHTS */
	REPORT_READY = 4,    /* every step is done, execve is next: death from here on is the workload's own */
	REPORT_CHILD = 5, /* carries the pidfd of the process that goes on with the plan and waits for a byte first */
};

struct report {
	uint32_t kind;
	struct failure failure;
};

struct stage_start {
	int report;              /* this end of the socket, close-on-exec */
	int join;                /* pidfd of the process whose namespaces are joined, or -1 */
	int user_namespace;      /* the pod's own, or -1 */
	int inherited_oom_score; /* written first when the monitor lowered its own; INT32_MIN: leave alone */
	int cgroup_step;         /* index of a join-cgroup step that clone3 already did, or -1 */
};

/*
 * Descriptors 0, 1 and 2 are the workload's; nothing else but `report`, `join` and `user_namespace` is open. Runs the
 * plan (already checked by plan_open) and never returns: the process becomes the workload or exits 127 after a
 * REPORT_FAILURE.
 */
_Noreturn void init_run(const struct plan *plan, const struct stage_start *start);

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
