#ifndef CRIB_PROTOCOL_H
#define CRIB_PROTOCOL_H

#include "numbers.h"
#include "reader.h"

/*
 * What the daemon and a pod's monitor say to each other over a unix stream socket. src/runtime/native/monitor/frames.ts
 * is the other side; both have their numbers from ffi/numbers.json, where a line that is there stays.
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
#define FRAME_HEADER_SIZE 12
#define FRAME_PAYLOAD_MAX (4u << 20)
#define ID_SIZE 65

/*
 * What frames carry; their numbers are in ffi/numbers.json.
 *
 *   HELLO        u32 magic, u8 newest, u8 oldest (0: the newest only), u16 zero → u32 magic, u16 the version to
 *                speak, u8 newest, u8 oldest (version 1: both 0), u32 pid, string sandbox id, from version 3 on
 *                string build
 *   SETUP        u64 unshare, string hostname, u8 loopback, u8 pid init, u32 n, n × (key, value), uid map, gid map,
 *                each u32 n, n × (u32 inside, u32 outside, u32 length) → u32 init pid, warnings
 *   START        id, u8 terminal, u8 stdin, u8 stdin once, log path, oom file, bytes plan, [u32 ms] → u32 pid, u64
 *                started, warnings; after that many ms it fails with ETIMEDOUT
 *   EXEC         id, container id, u8 terminal, u8 stdin, bytes plan, [u32 ms] → as START
 *   SIGNAL       id, u32 signal
 *   LIST         → u32 n, n × (id, u32 pid, u64 started, u64 dropped log bytes, u8 exited, u8 code, u8 signal, u8
 *                oom, u64 finished)
 *   REOPEN_LOG   id
 *   RESIZE       id, u16 columns, u16 rows
 *   CLOSE_STDIN  id
 *   STDIN        id, bytes → answered when all of it is written; one at a time for a connection
 *   FORGET       id
 *   SHUTDOWN     answered when everything is dead; end of file follows
 *   ABANDON      exec id: its output is not wanted any more
 *   ATTACH       container id, u8 stdin, u8 stdout, u8 stderr → its output from now on comes to this connection too,
 *                as EXEC_OUTPUT and EXEC_DRAINED; once for a connection, ends with it
 *   UNSHARE      u64 flags: makes the namespaces before the pod is known; once, and SETUP must then name the same
 *                ones
 *   MUTE         exec id, u8 stream (1 or 2): what it writes there from now on is read and dropped
 *   RENEW        with a sealed memfd as SCM_RIGHTS: the monitor goes on in that executable → string build of who
 *                answers; ERROR: all is as it was
 *   ERROR        i32 errno, u16 step kind, u16 step index, string call, string path
 *   EXIT         id, u8 code, u8 signal, u8 oom, u64 finished
 *   EXEC_OUTPUT  id, u8 stream (1 or 2), bytes; of a container to who attached
 *   EXEC_EXIT    id, u8 code, u8 signal
 *   EXEC_DRAINED id
 */
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
