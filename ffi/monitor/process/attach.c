#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "monitor/monitor.h"

/*
 * An attacher that is behind holds up the container, so that nothing is lost on the way to it. One that takes nothing
 * at all for STALL_MS is cut off: no client may stop a workload for ever.
 */
#define STALL_MS 10000
#define TICK_SECONDS 1

bool attach_wants(const struct connection *connection, const struct process *process, int stream)
{
	return connection->attached == process && connection->attached_outputs[stream - 1];
}

bool attach_any(const struct process *process)
{
	const struct connection *connection = monitor.connections;
	while (connection != NULL && connection->attached != process)
		connection = connection->next;
	return connection != NULL;
}

bool attach_may_read(const struct process *process, int stream)
{
	for (struct connection *connection = monitor.connections; connection != NULL; connection = connection->next) {
		if (attach_wants(connection, process, stream) && !connection_has_room(connection))
			return false;
	}
	return true;
}

static void tell_drained(struct connection *connection)
{
	connection->drained_told = true;
	struct frame frame;
	frame_begin(&frame, FRAME_EXEC_DRAINED, 0);
	frame_string(&frame, connection->attached->id);
	connection_send(connection, &frame);
}

void attach_tell_drained(struct process *process)
{
	for (struct connection *connection = monitor.connections; connection != NULL; connection = connection->next) {
		if (connection->attached == process && !connection->drained_told)
			tell_drained(connection);
	}
}

void attach(struct connection *connection, const struct request *request, struct process *process)
{
	int result = 0;
	if (process->is_exec || process->state != PROCESS_RUNNING)
		result = -ESRCH;
	else if (connection->attached != NULL)
		result = -EBUSY;
	if (result < 0) {
		reply_errno(connection, request->number, result, "attach",
			    result == -ESRCH ? "container is not running" : "attached already");
		return;
	}
	connection->attached = process;
	connection->attached_stdin = request->attach.with_stdin;
	memcpy(connection->attached_outputs, request->attach.outputs, sizeof(connection->attached_outputs));
	reply_ok(connection, request->number);
	if (process->outputs[0].source.fd < 0 && process->outputs[1].source.fd < 0)
		tell_drained(connection);
}

bool attach_ends_input(struct connection *connection, const struct process *process)
{
	if (connection->attached != process)
		return true;
	bool ends = connection->attached_stdin && process->stdin_once;
	connection->attached_stdin = false;
	return ends;
}

void attach_client_gone(struct connection *connection)
{
	struct process *process = connection->attached;
	if (process == NULL)
		return;
	connection->attached = NULL;
	/* A terminal's input ends with a character, not with a descriptor: the next client types on. */
	if (connection->attached_stdin && process->stdin_once && !process->terminal)
		input_close(process);
	output_resume_process(process);
}

void attach_process_gone(struct process *process)
{
	attach_tell_drained(process);
	for (struct connection *connection = monitor.connections; connection != NULL; connection = connection->next) {
		if (connection->attached == process)
			connection->attached = NULL;
	}
}

static void tick_every(time_t seconds)
{
	monitor.stall_ticking = seconds > 0;
	struct itimerspec timer = {.it_interval.tv_sec = seconds, .it_value.tv_sec = seconds};
	timerfd_settime(monitor.stall.fd, 0, &timer, NULL);
}

void attach_watch_stall(void)
{
	if (!monitor.stall_ticking)
		tick_every(TICK_SECONDS);
}

void attach_stall_tick(struct source *source, uint32_t events)
{
	(void)events;
	uint64_t ticks;
	(void)!read(source->fd, &ticks, sizeof(ticks));
	uint64_t now = monotonic_ms();
	bool behind = false;
	struct connection *next;
	for (struct connection *connection = monitor.connections; connection != NULL; connection = next) {
		next = connection->next;
		if (connection->attached == NULL || !connection->paused)
			continue;
		if (now - connection->progress_ms >= STALL_MS)
			connection_close(connection);
		else
			behind = true;
	}
	if (!behind)
		tick_every(0);
}
