#ifndef CRIB_MONITOR_H
#define CRIB_MONITOR_H

#include "monitor/process/process.h"
#include "monitor/process/shutdown.h"
#include "monitor/sandbox/sandbox.h"
#include "monitor/transport/server.h"

/* In another executable, under the running pod; see renewal/renew.h. */
struct renewal {
	bool pending;              /* no requests are taken */
	struct connection *client; /* who asked, or NULL when it is gone */
	uint32_t request;
	int executable;
	uint64_t deadline_ms; /* until when it waits for what is being started */
};

/* One pod's monitor: all its parts, which know of each other what they are handed here. */
struct monitor {
	const char *sandbox_id;
	const char *directory_path;
	int directory; /* O_PATH of the pod's directory */
	struct loop loop;
	struct host host;
	struct sandbox sandbox;
	struct server server;
	struct processes processes;
	struct shutdown shutdown;
	struct renewal renewal;
	struct source children; /* signalfd of SIGCHLD */
};

/* The listening socket. */
#define LISTENER 3

/* Joins the parts; no descriptor is open yet. */
void monitor_make(struct monitor *monitor, const char *sandbox_id, const char *directory_path);

#endif
