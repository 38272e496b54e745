#ifndef CRIB_PROTOCOL_H
#define CRIB_PROTOCOL_H

#include "reader.h"

/*
 * What the daemon and a pod's monitor say to each other over a unix stream socket. src/runtime/native/monitor/frames.ts
 * is the other side; ffi/protocol-numbers.json freezes the numbers of both, and `npm run check` compares the three.
 *
 * A monitor outlives daemons, and a daemon finds monitors of later ones after a downgrade. So each side says in HELLO
 * which versions it knows, from the oldest to the newest, and the newest that both know is spoken. A change that the
 * other side could not read is a new version, and at least the two before it go on being understood. Version 1's HELLO
 * names one version, and a monitor of that time refuses any other by naming its own; the daemon then comes again with
 * that one.
 *
 *   1  2026-10
 *   2  START and EXEC may end in a deadline; plans may have STEP_COPY_UP
 *   3  HELLO is answered with the build too; RENEW
 *
 *   u32 length of the payload   u16 kind   u16 zero   u32 request   payload          little endian
 *
 *   daemon ── HELLO ──▶ monitor     first frame, always
 *          ◀─── OK ───
 *          ── request ─▶            any number, answered in any order by OK or ERROR with the request's number
 *          ◀── OK/ERROR ─
 *          ◀── event ───            request number 0
 */
#define PROTOCOL_MAGIC 0x4f4d5243u /* "CRMO" */
#define PROTOCOL_OLDEST 1
#define PROTOCOL_NEWEST 3
#define FRAME_HEADER_SIZE 12
#define FRAME_PAYLOAD_MAX (4u << 20)
#define ID_SIZE 65

enum frame_kind {
	FRAME_HELLO = 1, /* u32 magic, u8 newest, u8 oldest (0: the newest only), u16 zero → u32 magic, u16 the version
			    to speak, u8 newest, u8 oldest (version 1: both 0), u32 pid, string sandbox id,
			    from version 3 on string build */
	FRAME_SETUP = 2,  /* u64 unshare, string hostname, u8 loopback, u8 pid init, u32 n, n × (key, value), uid map,
			     gid  map, each u32 n, n × (u32 inside, u32 outside, u32 length) → u32 init pid, warnings */
	FRAME_START = 3,  /* id, u8 terminal, u8 stdin, u8 stdin once, log path, oom file, bytes plan, [u32 ms] →
			     u32 pid, u64 started, warnings; after that many ms it fails with ETIMEDOUT */
	FRAME_EXEC = 4,   /* id, container id, u8 terminal, u8 stdin, bytes plan, [u32 ms] → as START */
	FRAME_SIGNAL = 5, /* id, u32 signal */
	FRAME_LIST = 6, /* → u32 n, n × (id, u32 pid, u64 started, u64 dropped log bytes, u8 exited, u8 code, u8 signal,
			   u8 oom, u64 finished) */
	FRAME_REOPEN_LOG = 7,  /* id */
	FRAME_RESIZE = 8,      /* id, u16 columns, u16 rows */
	FRAME_CLOSE_STDIN = 9, /* id */
	FRAME_STDIN = 10,      /* id, bytes → answered when all of it is written; one at a time for a connection */
	FRAME_FORGET = 11,     /* id */
	FRAME_SHUTDOWN = 12,   /* answered when everything is dead; end of file follows */
	FRAME_ABANDON = 13,    /* exec id: its output is not wanted any more */
	FRAME_ATTACH = 14,     /* container id, u8 stdin, u8 stdout, u8 stderr → its output from now on comes to this
				  connection too, as EXEC_OUTPUT and EXEC_DRAINED; once for a connection, ends with it */

	FRAME_UNSHARE = 15, /* u64 flags: makes the namespaces before the pod is known; once, and SETUP must then name
			       the same ones */
	FRAME_MUTE = 16,    /* exec id, u8 stream (1 or 2): what it writes there from now on is read and dropped */
	FRAME_RENEW = 17, /* with a sealed memfd as SCM_RIGHTS: the monitor goes on in that executable → string build of
			     who answers; ERROR: all is as it was */

	FRAME_OK = 0x8000,
	FRAME_ERROR = 0x8001, /* i32 errno, u16 step kind, u16 step index, string call, string path */

	FRAME_EXIT = 0x9001,         /* id, u8 code, u8 signal, u8 oom, u64 finished */
	FRAME_EXEC_OUTPUT = 0x9002,  /* id, u8 stream (1 or 2), bytes; of a container to who attached */
	FRAME_EXEC_EXIT = 0x9003,    /* id, u8 code, u8 signal */
	FRAME_EXEC_DRAINED = 0x9004, /* id */
};

struct frame_header {
	uint32_t length;
	uint16_t kind;
	uint32_t request;
};

/* Lines of /proc/PID/uid_map; user_namespaces(7) allows 340. */
#define ID_MAP_LINES_MAX 340

struct id_map {
	uint32_t count;
	struct reader lines; /* count × (inside, outside, length) */
};

struct setup_request {
	uint64_t unshare;
	const char *hostname; /* "" keeps the inherited one */
	bool loopback;
	bool pid_init;
	uint32_t sysctl_count;
	struct reader sysctls; /* sysctl_count × (key, value) */
	struct id_map uids;    /* empty: the pod stays in the host's user namespace */
	struct id_map gids;
};

struct launch_request {
	const char *container; /* the exec's container; "" for a start */
	bool terminal;
	bool with_stdin;
	bool stdin_once;
	const char *log_path; /* "" drops the output; one that begins with "//" is opened through no link */
	const char *oom_file; /* "" tells nothing */
	struct bytes plan;
	uint32_t deadline_ms; /* 0: the monitor's own choice */
};

struct attach_request {
	bool with_stdin;
	bool outputs[2]; /* stdout, stderr */
};

struct resize_request {
	uint16_t columns;
	uint16_t rows;
};

struct hello_request {
	uint8_t oldest;
	uint8_t newest;
};

struct request {
	uint16_t kind;
	uint32_t number;
	const char *id; /* "" where the kind has none; else 1–64 lower-case hex digits */
	union {
		struct setup_request setup;
		struct launch_request launch;
		struct resize_request resize;
		struct attach_request attach;
		struct bytes input;
		uint32_t signal;
		uint8_t stream;
		uint64_t unshare;
		struct hello_request hello;
	};
};

/* 0, or -EBADMSG for a length over the bound or a reserved field that is set: the connection cannot be trusted further.
 */
int frame_header_read(const uint8_t bytes[FRAME_HEADER_SIZE], struct frame_header *header);

/* The newest version that both know, or 0. */
uint8_t protocol_choose(const struct hello_request *hello);

/* Decodes a request's payload, which must outlive it. -EBADMSG when it is malformed, -ENOSYS for an unknown kind. */
int request_read(const struct frame_header *header, const void *payload, struct request *request);

#endif
