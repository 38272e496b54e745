#include "monitor/renewal/renew.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "monitor/loop/clock.h"
#include "monitor/renewal/handover.h"
#include "monitor/renewal/state.h"
#include "monitor/renewal/trial.h"
#include "monitor/transport/connection.h"
#include "monitor/transport/reply.h"
#include "monitor/transport/send.h"
#include "monitor/whole/build.h"

/* For what is being started, which cannot be carried over; requests wait meanwhile, so it is not long. */
#define PATIENCE_MS 1000
#define EXECUTABLE_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)
#define STATE_SEALS (EXECUTABLE_SEALS | F_SEAL_SEAL)

static void answer(struct monitor *monitor, int code, const char *why)
{
	struct renewal *renewal = &monitor->renewal;
	struct connection *client = renewal->client;
	close_and_clear(&renewal->executable);
	renewal->pending = false;
	renewal->client = NULL;
	connections_take_requests(&monitor->server);
	if (code < 0 && client != NULL)
		reply_errno(client, renewal->request, code, "renew", why);
}

void renewal_ask(struct monitor *monitor, struct connection *connection, uint32_t request)
{
	int executable cleanup_fd = take_fd(&connection->passed);
	int seals = executable < 0 ? -1 : fcntl(executable, F_GET_SEALS);
	const char *why = NULL;
	if (monitor->renewal.pending)
		why = "is being done already";
	else if (monitor->shutdown.begun)
		why = "the pod is being stopped";
	else if (executable < 0)
		why = "no executable came with the request";
	else if (seals < 0 || (seals & EXECUTABLE_SEALS) != EXECUTABLE_SEALS)
		why = "the executable is not a sealed memfd";
	if (why != NULL) {
		reply_errno(connection, request, executable < 0 ? -EBADF : -EINVAL, "renew", why);
		return;
	}
	connections_hold(&monitor->server);
	monitor->renewal = (struct renewal){
		.pending = true,
		.client = connection,
		.request = request,
		.executable = take_fd(&executable),
		.deadline_ms = monotonic_ms() + PATIENCE_MS,
	};
}

void renewal_client_gone(struct monitor *monitor, const struct connection *connection)
{
	if (monitor->renewal.client == connection)
		monitor->renewal.client = NULL;
}

/* One that was given up only waits for its death, and is carried over. */
static bool something_starts(const struct processes *processes)
{
	const struct process *process = processes->first;
	while (process != NULL && (process->state != PROCESS_STARTING || process->deadline_ms == UINT64_MAX))
		process = process->next;
	return process != NULL;
}

static int write_all(int fd, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

static int state_memfd(const struct monitor *monitor)
{
	struct frame state;
	state_write(&state, monitor->server.connections, &monitor->processes, monitor->renewal.client,
		    monitor->renewal.request);
	int fd cleanup_fd = memfd_create(MONITOR_NAME "-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int done = fd < 0 ? -errno : state.out_of_memory ? -ENOMEM : write_all(fd, state.data, state.length);
	frame_free(&state);
	if (done == 0 && fcntl(fd, F_ADD_SEALS, STATE_SEALS) < 0)
		done = -errno;
	return done < 0 ? done : take_fd(&fd);
}

struct exec_mark {
	int flags;
	int failed;
};

static void mark(int *fd, void *with)
{
	struct exec_mark *marking = with;
	if (*fd >= 0 && fcntl(*fd, F_SETFD, marking->flags) < 0)
		marking->failed = -errno;
}

static int mark_all(struct monitor *monitor, struct handover *handover, int flags)
{
	struct exec_mark marking = {.flags = flags};
	int listener = LISTENER;
	mark(&listener, &marking);
	handover_each_fd(monitor, handover, mark, &marking);
	state_each_fd(monitor->server.connections, monitor->processes.first, mark, &marking);
	return marking.failed;
}

/* Returns only when it did not happen. */
static int go_on_as(struct monitor *monitor, struct handover *handover)
{
	char numbers[HANDOVER_TEXT];
	handover_write(monitor, handover, numbers);
	const char *arguments[] = {
		MONITOR_NAME, monitor->sandbox_id, monitor->directory_path, HANDOVER_RENEWED, numbers, NULL};
	int done = mark_all(monitor, handover, 0);
	if (done == 0)
		done = sys_execveat(monitor->renewal.executable, arguments);
	mark_all(monitor, handover, FD_CLOEXEC);
	return done;
}

static int renew(struct monitor *monitor, const char **why)
{
	int state cleanup_fd = state_memfd(monitor);
	*why = "the state cannot be written";
	if (state < 0)
		return state;
	int own cleanup_fd = openat(monitor->host.procfs, "self/exe", O_PATH | O_CLOEXEC);
	*why = "the way back cannot be kept open";
	if (own < 0)
		return -errno;
	*why = "the executable does not run, or cannot read the state";
	int tried = trial_run(monitor->renewal.executable, state);
	if (tried < 0)
		return tried;
	*why = "the executable does not run";
	struct handover handover = {.state = state, .executable = own};
	return go_on_as(monitor, &handover);
}

void renewal_step(struct monitor *monitor)
{
	if (!monitor->renewal.pending)
		return;
	if (monitor->shutdown.begun) {
		answer(monitor, -ESHUTDOWN, "the pod is being stopped");
		return;
	}
	if (something_starts(&monitor->processes)) {
		if (monotonic_ms() >= monitor->renewal.deadline_ms)
			answer(monitor, -EBUSY, "something is being started");
		return;
	}
	const char *why = "";
	int failed = renew(monitor, &why);
	answer(monitor, failed, why);
}

void renewal_tell(struct monitor *monitor, bool renewed)
{
	struct connection *client = monitor->renewal.client;
	uint32_t request = monitor->renewal.request;
	monitor->renewal = (struct renewal){.executable = -1};
	if (client == NULL)
		return;
	if (!renewed) {
		reply_errno(client, request, -EPROTO, "renew",
			    "the new executable gave up and the one before it goes on");
		return;
	}
	struct frame frame;
	frame_begin(&frame, FRAME_OK, request);
	frame_string(&frame, monitor_build);
	connection_send(client, &frame);
}
