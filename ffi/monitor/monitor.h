#ifndef CRIB_MONITOR_H
#define CRIB_MONITOR_H

#include <signal.h>
#include <sys/types.h>

#include "monitor/process/cri-log.h"
#include "wire/failure.h"
#include "wire/frame.h"
#include "init/init.h"
#include "wire/protocol.h"

/*
 * One pod's monitor: a single thread around one epoll. Everything here is per process, small and never blocking: the
 * workload must not notice a slow or dead daemon, and the daemon must not notice a slow workload.
 */

/* What epoll watches. `ready` may free the structure it is embedded in: the loop takes one event at a time. */
struct source {
	int fd; /* -1: not watched, nothing open */
	uint32_t events;
	void (*ready)(struct source *source, uint32_t events);
	/* What the kernel had no memory to watch for is tried again; see source_set. */
	uint32_t wanted;
	bool owed;
	struct source *next_owed;
};

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct connection {
	struct connection *next;
	struct source source;
	int passed; /* a descriptor that came along and was not used yet, or -1 */
	bool greeted;
	/* one frame being received */
	uint8_t header_bytes[FRAME_HEADER_SIZE];
	struct frame_header header;
	uint32_t received;
	uint8_t *payload;
	size_t payload_size; /* of its memory, which is more than the frame's length */
	/* frames not yet taken by the socket: [sent, queued) of `queue` */
	uint8_t *queue;
	size_t sent;
	size_t queued;
	size_t capacity;
	bool paused;          /* output waits until the queue has room */
	uint64_t progress_ms; /* when it paused, or the socket last took something of the queue */
	/* the container whose stdio it has joined, if any */
	struct process *attached;
	bool attached_stdin;
	bool attached_outputs[2];
	bool drained_told;
};

struct log_file {
	int fd;    /* -1: output is read and dropped */
	bool torn; /* the last record could not be finished or removed: the next starts on a line of its own */
	uint64_t dropped_bytes;
	char *path;
};

struct output {
	struct source source;
	int stream;    /* 1 or 2 */
	uint8_t *held; /* an unfinished line, at most CRI_LINE_MAX bytes */
	size_t held_length;
	bool widened; /* its pipe was made larger, or cannot be */
	bool muted;   /* an exec's, read and dropped */
};

/* Bytes on their way into a process. */
struct input_write {
	struct input_write *next;
	struct connection *client; /* who asked; NULL when no client waits for the answer */
	uint32_t request;
	const uint8_t *bytes;
	size_t length;
	size_t written;
	uint8_t *block; /* what `bytes` lie in, and its size; NULL when they are constant */
	size_t block_size;
};

struct input {
	struct source source;       /* watched only while `writes` wait for room */
	struct input_write *writes; /* in the order they came: several attachers may type */
	bool close_after;
	bool widened; /* its pipe was made larger, or cannot be */
};

enum process_state { PROCESS_STARTING, PROCESS_RUNNING, PROCESS_EXITED };

/* A container's init or an exec. */
struct process {
	struct process *next;
	bool is_exec;
	char id[ID_SIZE];
	enum process_state state;
	pid_t pid;
	int pidfd;
	bool terminal;
	bool with_stdin;
	bool stdin_once;
	bool killed_by_request;
	int stdio[3]; /* the monitor's ends of stdin, stdout, stderr (a terminal: [1] is the master) until execve */
	struct source report; /* open until execve, or death before it */
	bool ready;
	bool failed;
	struct failure failure;
	/* an entering launch, see init.h: `pid` is the stage until that has gone, then the process born last */
	struct launch_note *note; /* shared with the stage; NULL once `pid` is who was born last */
	struct source errors;     /* the pipe of the last process, until that has run or failed */
	int report_peer; /* kept open, or the end of the report would be told while there are better things to do */
	bool born;
	uint64_t deadline_ms;  /* UINT64_MAX: it was given up */
	struct frame warnings; /* encoded as they come in */
	uint32_t warning_count;
	struct connection *client; /* the start's or exec's requester; NULL when it is gone or has its answer (start) */
	uint32_t request;
	struct output outputs[2];
	struct input input;
	struct log_file log;
	char *oom_file;
	uint64_t started_ns;
	uint64_t finished_ns;
	uint8_t exit_code;
	uint8_t exit_signal;
	bool oom_killed;
	bool record_owed; /* its exit record could not be written yet */
	bool drained_told;
};

/* In another executable, under the running pod; see renewal/renew.h. */
struct renewal {
	bool pending;              /* no requests are taken */
	struct connection *client; /* who asked, or NULL when it is gone */
	uint32_t request;
	int executable;
	uint64_t deadline_ms; /* until when it waits for what is being started */
};

struct monitor {
	const char *sandbox_id;
	const char *directory_path;
	int epoll;
	int directory;           /* O_PATH of the pod's directory */
	int exit_records;        /* O_PATH of its exit/ */
	int host_root;           /* O_PATH; what is on the host is opened from here, see host.c */
	int host_mounts;         /* its mount namespace, for stages */
	int procfs;              /* mounted nowhere */
	int inherited_oom_score; /* INT32_MIN when nothing was changed */
	struct source listener;
	struct source children; /* signalfd of SIGCHLD */
	struct source deadline; /* timerfd, armed by shutdown */
	struct source launches; /* timerfd, ticking while anything starts */
	bool launches_ticking;
	struct source stall; /* timerfd, ticking while an attacher is behind */
	bool stall_ticking;
	struct connection *connections;
	unsigned connection_count;
	struct process *processes;
	pid_t init_pid; /* PID 1 of the shared pid namespace, 0 without one */
	int init_pidfd;
	int init_mounts;    /* a mount namespace with a procfs of the shared pid namespace, or -1 */
	int user_namespace; /* the pod's own, or -1 */
	uint64_t unshared;  /* namespaces made ahead of SETUP */
	bool set_up;
	bool shutting_down;
	struct connection *shutdown_client;
	uint32_t shutdown_request;
	struct renewal renewal;
};

extern struct monitor monitor;

/* What the build calls this executable; the daemon looks for the mark in the one it carries. */
#ifndef MONITOR_BUILD
#define MONITOR_BUILD "unknown"
#endif
#define MONITOR_BUILD_MARK "crib-monitor-build:"
extern const char *const monitor_build;

#define MONITOR_NAME "crib-monitor"
#define MONITOR_CHECK_STATE "check-state"

#define LISTENER 3

/* own-descriptors.c: what every executable opens anew: epoll, signals, timers. */
int open_own(void);
/* After a renewal. */
void fill_places(void);

/* host.c */
/* Keeps descriptors of what is needed of the host, and gives up its mounts. */
int host_leave(void);
/* A path of the host, or -errno. `resolve` of struct open_how restricts it further. */
int host_open(const char *path, int flags, mode_t mode, uint64_t resolve);
/* A descriptor below /proc/PID, or -errno. */
int open_of_process(pid_t pid, const char *file, int flags);

/*
 * empty-root.c: gives up the root, in a mount namespace that is the caller's own already, of which nothing else is
 * left. `with_procfs`: but a procfs of the caller's pid namespace as /proc.
 */
int empty_root_enter(bool with_procfs);

/* relro.c */
int relro_protect(void);

/* loop.c */
int source_watch(struct source *source, int fd, uint32_t events, void (*ready)(struct source *, uint32_t));
/*
 * Sets what is watched for, nothing included. A kernel that has no memory for it is asked again until it has: a source
 * that nobody watches would hold up whoever is behind it for ever.
 */
void source_set(struct source *source, uint32_t events);
/* Stops watching and closes. */
void source_close(struct source *source);
/* `after` is called after each event, and when a time has come that was asked for. */
_Noreturn void loop_run(void (*after)(void));
/* The loop does not wait beyond this time of monotonic_ms(), once. */
void loop_wake_at(uint64_t ms);
uint64_t now_ns(void);
uint64_t monotonic_ms(void);

/* connection.c */
void connection_accept(struct source *listener, uint32_t events);
/* Queues the frame and frees it. A client that lets too much pile up is cut off; it finds out and lists again. */
void connection_send(struct connection *connection, struct frame *frame);
/* The same for a frame that is complete and stays the caller's. */
void connection_send_bytes(struct connection *connection, const uint8_t *bytes, size_t length);
/* Whether output may be queued; when not, the outputs are resumed as soon as it may. */
bool connection_has_room(struct connection *connection);
void connection_close(struct connection *connection);
/* Begins to watch a connection that a renewal brought along. */
int connection_watch(struct connection *connection);
/* After a renewal that did not happen: what was sent meanwhile is taken. */
void connections_take_requests(void);
/* The same to everyone who said HELLO. */
void connection_broadcast(struct frame *frame);
/* Waits, bounded, until the sockets have taken everything; only for the last words of a shutdown. */
void connections_flush(void);

/* block.c: memory of payloads. */
/* At least `*size` bytes, or NULL; `*size` becomes what there is. */
uint8_t *block_take(size_t *size);
void block_give(uint8_t *block, size_t size);
/* No client streams any more: what was kept for the next payload is given back. */
void block_forget(void);

/* attach.c: connections that have joined a container's stdio. */
void attach(struct connection *connection, const struct request *request, struct process *process);
/* Whether every attacher of this output has room for more. */
bool attach_may_read(const struct process *process, int stream);
/* Who reads this output besides the log. */
bool attach_wants(const struct connection *connection, const struct process *process, int stream);
bool attach_any(const struct process *process);
/* Whether the end of this connection's input is the end of the process's. */
bool attach_ends_input(struct connection *connection, const struct process *process);
/* Tells those attached, once, that no output follows. */
void attach_tell_drained(struct process *process);
/* The connection ends: what it held up goes on, and an input that was for one attacher only is closed. */
void attach_client_gone(struct connection *connection);
/* The process is being freed. */
void attach_process_gone(struct process *process);
/* An attacher fell behind: from now on it is watched. */
void attach_watch_stall(void);
void attach_stall_tick(struct source *source, uint32_t events);

/* reply.c: answers to a request; a connection that is gone (NULL) gets none. */
void reply_ok(struct connection *connection, uint32_t request);
void reply_failure(struct connection *connection, uint32_t request, const struct failure *failure);
void reply_errno(struct connection *connection, uint32_t request, int code, const char *call, const char *path);

/* dispatch.c */
void dispatch(struct connection *connection, const struct request *request);

/* sandbox.c */
void sandbox_setup(struct connection *connection, const struct request *request);
void sandbox_unshare(struct connection *connection, const struct request *request);

/* Hostname, loopback and sysctls, in the namespaces the caller is in. `procfs` is one, or -1 without any sysctl. */
int sandbox_configure(const struct setup_request *setup, int procfs, struct failure *failure);

/* pod-user-namespace.c: makes it, and the pod's namespaces in it, which this process then joins as the host's root. */
int pod_user_namespace_make(const struct setup_request *setup, struct failure *failure);

/* pid-init.c: PID 1 of a shared pid namespace. */
/*
 * Gives up the root, in a mount namespace of its own, and ends with the monitor. `with_procfs`: that namespace has a
 * procfs of the pid namespace as /proc until pid_init_run, for the monitor to keep; see pid-procfs.c.
 */
int pid_init_leave_host(int monitor_pidfd, bool with_procfs);
/*
 * Gives up all capabilities and only reaps, once it has written the int 0, or -errno and dies, to `channel`: only then
 * may others be let in.
 */
_Noreturn void pid_init_run(int channel, bool with_procfs);
/* In the monitor: what it says on `channel`, 0 or -errno. */
int pid_init_wait(int channel, struct failure *failure);
int pid_init_keep_procfs(bool with_procfs, struct failure *failure);

/*
 * pid-procfs.c: a procfs shows the pid namespace of its maker. Since 6.17 it can be told another. Before, a stage that
 * is not inside clones one that was made inside: by the pod's init, or as the /proc of the container whose namespace it
 * is.
 */
/* 1 or 0; -errno when that could not be found out. */
int pid_procfs_is_needed(void);
/* The mount namespace to clone it from, or -1 when there is no need; -errno. */
int pid_procfs_open(const struct plan *plan);

/* launch.c */
/* Descriptors below are a child's; the monitor has its own above, or in places that stay taken. */
#define CHILD_PLACES 11
void launch(struct connection *connection, const struct request *request);

/* birth.c: a process that its stage let be born inside a pid namespace. */
int birth_note_make(struct process *process);
void birth_note_free(struct process *process);
/* The last process, while `pid` is its stage; 0 when there is none yet. */
pid_t birth_pid(const struct process *process);
struct process *birth_of(pid_t pid);
/* From now on `pid` is the last process; `dead` when it has just been reaped. */
void birth_take_over(struct process *process, bool dead);
void birth_hear(struct source *source, uint32_t events);
void birth_look(struct process *process);

/* launch-deadline.c: no launch takes longer than this; 0 is the monitor's own choice. */
void launch_deadline_set(struct process *process, uint32_t milliseconds);
void launch_deadline_tick(struct source *source, uint32_t events);

/* report.c */
void report_ready(struct source *source, uint32_t events);
/* Reads what starting processes said: one may have handed its plan on to a process that is not known yet. */
void report_poll(void);
/* Reads what a dead process's init stage said: afterwards it ran, or it never did. */
void report_settle(struct process *process);
/* The same without a conclusion. */
void report_end(struct process *process);
/*
 * A message of the last process or of its stage, which must not be believed: it is a failure or nothing. True when the
 * pipe has ended, which cannot be feigned.
 */
bool report_take_error(struct process *process);

/* process.c */
struct process *process_find(const char *id);
struct process *process_by_pid(pid_t pid);
/* In no list. */
struct process *process_make(const char *id);
struct process *process_new(const char *id);
void process_free(struct process *process);
/* With SIGKILL: the process that stands for it now, its group, and the one born last. */
void process_kill(const struct process *process);
/* execve worked: output flows, and the client is told. */
void process_started(struct process *process);
/* The connection is gone: its execs end with it, its starts go on without an answer. */
void process_client_gone(struct connection *connection);
/* Called when an output has ended, or is not wanted any more. What has also exited is let go: may free an exec. */
void process_output_ended(struct process *process);
/* The process was reaped; `signal_number` is 0 when it exited by itself. May free it. */
void process_exited(struct process *process, int code, int signal_number);

/* output.c */
int output_watch(struct output *output, int fd);
/* Everything readable now, within a bound. */
void output_drain(struct process *process);
/* Exec output resumes after its client caught up. */
void output_resume(struct connection *connection);
void output_resume_process(struct process *process);
void output_close(struct output *output);
/* Its client wants no more of it, and the process must not notice. */
void output_mute(struct output *output);
/* An exec is gone: after this event, what its output took of the buffer goes back to the kernel. */
void output_stream_ended(void);
/* Between two events, when nothing lies in the buffer. */
void output_give_back(void);

/* input.c */
void input_write(struct process *process, struct connection *connection, const struct request *request);
void input_close(struct process *process);
/* Drops what waits to be written; those who asked are told. */
void input_end(struct input *input, int error);
void input_client_gone(struct process *process, struct connection *connection);
void input_ready(struct source *source, uint32_t events);

/* log-file.c */
int log_open(struct log_file *log, const char *path);
int log_reopen(struct log_file *log);
void log_write(struct log_file *log, int stream, const struct cri_piece *pieces, int count);
void log_close(struct log_file *log);

/* exit-record.c */
/* Writes it, or owes it. */
void exit_record_put(struct process *process);
/* Between two events: tries again what is owed, once it is time. */
void exit_records_step(void);
void exit_record_remove(const char *id);

/* oom.c */
bool oom_was_killed(const char *file);

/* reap.c */
void reap_ready(struct source *source, uint32_t events);
/* Every child that has died. */
void reap_all(void);

/* shutdown.c */
void shutdown_begin(struct connection *connection, uint32_t request);
/* Ends the monitor when no child is left. */
void shutdown_check(void);
void shutdown_deadline(struct source *source, uint32_t events);

#endif
