#ifndef CRIB_MONITOR_H
#define CRIB_MONITOR_H

#include <signal.h>
#include <sys/types.h>

#include "cri-log.h"
#include "failure.h"
#include "frame.h"
#include "protocol.h"

/*
 * One pod's monitor: a single thread around one epoll. Everything here is per process, small and never blocking: the
 * workload must not notice a slow or dead daemon, and the daemon must not notice a slow workload.
 */

/* What epoll watches. `ready` may free the structure it is embedded in: the loop takes one event at a time. */
struct source {
	int fd; /* -1: not watched, nothing open */
	uint32_t events;
	void (*ready)(struct source *source, uint32_t events);
};

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

struct connection {
	struct connection *next;
	struct source source;
	bool greeted;
	/* one frame being received */
	uint8_t header_bytes[FRAME_HEADER_SIZE];
	struct frame_header header;
	uint32_t received;
	uint8_t *payload;
	/* frames not yet taken by the socket: [sent, queued) of `queue` */
	uint8_t *queue;
	size_t sent;
	size_t queued;
	size_t capacity;
	bool paused; /* exec output waits until the queue has room */
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
};

struct input {
	struct source source; /* watched only while `pending` waits for room */
	uint8_t *pending;
	size_t length;
	size_t written;
	struct connection *client; /* who asked; NULL when it is gone */
	uint32_t request;
	bool close_after;
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
	bool killed_by_request;
	int stdio[3]; /* the monitor's ends of stdin, stdout, stderr (a terminal: [1] is the master) until execve */
	struct source report; /* open until execve, or death before it */
	bool ready;
	bool failed;
	struct failure failure;
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
	bool exit_told; /* execs: EXEC_EXIT is out */
	bool drained_told;
};

struct monitor {
	const char *sandbox_id;
	int epoll;
	int directory;    /* O_PATH of the pod's directory */
	int exit_records; /* O_PATH of its exit/ */
	int own_pid_namespace;
	int inherited_oom_score; /* INT32_MIN when nothing was changed */
	struct source listener;
	struct source children; /* signalfd of SIGCHLD */
	struct source deadline; /* timerfd, armed by shutdown */
	struct connection *connections;
	unsigned connection_count;
	struct process *processes;
	pid_t init_pid; /* PID 1 of the shared pid namespace, 0 without one */
	int init_pidfd;
	int user_namespace; /* the pod's own, or -1 */
	bool set_up;
	bool shutting_down;
	struct connection *shutdown_client;
	uint32_t shutdown_request;
};

extern struct monitor monitor;

/* loop.c */
int source_watch(struct source *source, int fd, uint32_t events, void (*ready)(struct source *, uint32_t));
void source_set(struct source *source, uint32_t events);
/* Stops watching and closes. */
void source_close(struct source *source);
_Noreturn void loop_run(void);
uint64_t now_ns(void);

/* connection.c */
void connection_accept(struct source *listener, uint32_t events);
/* Queues the frame and frees it. A client that lets too much pile up is cut off; it finds out and lists again. */
void connection_send(struct connection *connection, struct frame *frame);
/* Whether exec output may be queued; when not, the outputs are resumed as soon as it may. */
bool connection_has_room(struct connection *connection);
void connection_close(struct connection *connection);
/* The same to everyone who said HELLO. */
void connection_broadcast(struct frame *frame);
/* Waits, bounded, until the socket has taken everything; only for the last words of a shutdown. */
void connection_flush(struct connection *connection);

/* reply.c: answers to a request; a connection that is gone (NULL) gets none. */
void reply_ok(struct connection *connection, uint32_t request);
void reply_failure(struct connection *connection, uint32_t request, const struct failure *failure);
void reply_errno(struct connection *connection, uint32_t request, int code, const char *call, const char *path);

/* dispatch.c */
void dispatch(struct connection *connection, const struct request *request);

/* sandbox.c */
void sandbox_setup(struct connection *connection, const struct request *request);

/* Hostname, loopback and sysctls, in the namespaces the caller is in. `procfs` is one, or -1 without any sysctl. */
int sandbox_configure(const struct setup_request *setup, int procfs, struct failure *failure);

/* pod-user-namespace.c: makes it, and the pod's namespaces in it, which this process then joins as the host's root. */
int pod_user_namespace_make(const struct setup_request *setup, struct failure *failure);

/* pid-init.c: PID 1 of a shared pid namespace; only reaps. */
_Noreturn void pid_init_run(void);

/* launch.c */
void launch(struct connection *connection, const struct request *request);

/* report.c */
void report_ready(struct source *source, uint32_t events);
/* Reads what starting processes said: one may have handed its plan on to a process that is not known yet. */
void report_poll(void);
/* Reads what a dead process's init stage said: afterwards it ran, or it never did. */
void report_settle(struct process *process);

/* process.c */
struct process *process_find(const char *id);
struct process *process_by_pid(pid_t pid);
struct process *process_new(const char *id);
void process_free(struct process *process);
/* execve worked: output flows, and whoever asked is told. */
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
void output_close(struct output *output);

/* input.c */
void input_write(struct process *process, struct connection *connection, const struct request *request);
void input_close(struct process *process);
void input_client_gone(struct process *process, struct connection *connection);
void input_ready(struct source *source, uint32_t events);

/* log-file.c */
int log_open(struct log_file *log, const char *path);
int log_reopen(struct log_file *log);
void log_write(struct log_file *log, int stream, const struct cri_piece *pieces, int count);
void log_close(struct log_file *log);

/* exit-record.c */
int exit_record_write(const struct process *process);
void exit_record_remove(const char *id);

/* oom.c */
bool oom_was_killed(const char *file);

/* reap.c */
void reap_ready(struct source *source, uint32_t events);

/* shutdown.c */
void shutdown_begin(struct connection *connection, uint32_t request);
/* Ends the monitor when no child is left. */
void shutdown_check(void);
void shutdown_deadline(struct source *source, uint32_t events);

#endif
