#ifndef CRIB_MONITOR_PROCESS_H
#define CRIB_MONITOR_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/init.h"
#include "monitor/loop/loop.h"
#include "monitor/process/log-file.h"
#include "monitor/sandbox/sandbox.h"
#include "monitor/transport/server.h"
#include "wire/failure.h"
#include "wire/frame.h"

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
	struct processes *among;
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

/* A connection that has joined a container's stdio; once for a connection, ends with it. */
struct attachment {
	struct attachment *next;
	struct connection *client;
	struct process *process;
	bool with_stdin;
	bool outputs[2];
	bool drained_told;
};

/* All of a pod's processes, and what they need of the rest of the monitor. */
struct processes {
	struct server *server;
	const struct sandbox *sandbox;
	int exit_records;        /* O_PATH of a directory */
	uint64_t records_due_ms; /* when records that are owed are written again; 0: none is */
	unsigned records_pause_ms;
	bool closed; /* nothing is started any more */
	struct process *first;
	struct attachment *attachments;
	struct source launches; /* timerfd, ticking while anything starts */
	bool launches_ticking;
	struct source stall; /* timerfd, ticking while an attacher is behind */
	bool stall_ticking;
	/* execve worked. */
	void (*on_started)(struct process *process);
	/* An output has ended, or is not wanted any more. May free an exec. */
	void (*on_output_ended)(struct process *process);
};

struct process *process_find(const struct processes *processes, const char *id);
struct process *process_by_pid(const struct processes *processes, pid_t pid);
/* In no list. */
struct process *process_make(const char *id);
/* The process that was born last, while `pid` is its stage; 0 when there is none yet. */
pid_t process_born(const struct process *process);
/* With SIGKILL: the process that stands for it now, its group, and the one born last. */
void process_kill(const struct process *process);
const struct host *process_host(const struct process *process);
struct loop *process_loop(const struct process *process);

#endif
