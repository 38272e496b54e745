#include "monitor/dispatch.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "kernel.h"
#include "monitor/process/attach.h"
#include "monitor/process/exit-record.h"
#include "monitor/process/input.h"
#include "monitor/process/launch.h"
#include "monitor/process/lifecycle.h"
#include "monitor/process/output.h"
#include "monitor/renewal/renew.h"
#include "monitor/sandbox/setup.h"
#include "monitor/transport/reply.h"
#include "monitor/transport/send.h"

static void reply(struct connection *connection, const struct request *request, int result, const char *call)
{
	if (result < 0)
		reply_errno(connection, request->number, result, call, request->id);
	else
		reply_ok(connection, request->number);
}

static void send_signal(struct connection *connection, const struct request *request, struct process *process)
{
	int result = -EINVAL;
	if (request->signal > 0 && request->signal <= (uint32_t)SIGRTMAX) {
		result = process->state == PROCESS_EXITED ? 0
							  : sys_pidfd_send_signal(process->pidfd, (int)request->signal);
		if (result == 0 && request->signal == SIGKILL)
			process->killed_by_request = true;
		if (result == -ESRCH)
			result = 0; /* dead, only not reaped yet */
	}
	reply(connection, request, result, "pidfd_send_signal");
}

static void list(const struct processes *processes, struct connection *connection, uint32_t number)
{
	uint32_t count = 0;
	for (const struct process *process = processes->first; process != NULL; process = process->next)
		count += !process->is_exec && process->state != PROCESS_STARTING;
	struct frame frame;
	frame_begin(&frame, FRAME_OK, number);
	frame_u32(&frame, count);
	for (const struct process *process = processes->first; process != NULL; process = process->next) {
		if (process->is_exec || process->state == PROCESS_STARTING)
			continue;
		frame_string(&frame, process->id);
		frame_u32(&frame, (uint32_t)process->pid);
		frame_u64(&frame, process->started_ns);
		frame_u64(&frame, process->log.dropped_bytes);
		frame_u8(&frame, process->state == PROCESS_EXITED);
		frame_u8(&frame, process->exit_code);
		frame_u8(&frame, process->exit_signal);
		frame_u8(&frame, process->oom_killed);
		frame_u64(&frame, process->finished_ns);
	}
	connection_send(connection, &frame);
}

static void resize(struct connection *connection, const struct request *request, struct process *process)
{
	struct winsize size = {.ws_col = request->resize.columns, .ws_row = request->resize.rows};
	int master = process->outputs[0].source.fd;
	int result = -ENOTTY;
	if (process->terminal)
		result = master < 0 ? 0 : ioctl(master, TIOCSWINSZ, &size) < 0 ? -errno : 0;
	reply(connection, request, result, "TIOCSWINSZ");
}

static void forget(struct processes *processes, struct connection *connection, const struct request *request)
{
	struct process *process = process_find(processes, request->id);
	if (process != NULL && (process->is_exec || process->state != PROCESS_EXITED)) {
		reply_errno(connection, request->number, -EBUSY, "forget", request->id);
		return;
	}
	if (process != NULL)
		process_free(process);
	exit_record_remove(processes, request->id);
	reply_ok(connection, request->number);
}

/* Also for a container that has just exited: the client that renamed its log expects a new file there. */
static void reopen_log(struct connection *connection, const struct request *request, struct process *process)
{
	int result = process->is_exec ? -EINVAL : log_reopen(&process->log, process_host(process));
	reply(connection, request, result, "open");
	if (result == 0)
		process_output_ended(process);
}

static void abandon(struct connection *connection, const struct request *request, struct process *process)
{
	reply_ok(connection, request->number);
	if (!process->is_exec || process->client != connection)
		return;
	process->client = NULL;
	for (int i = 0; i < 2; i++)
		output_close(&process->outputs[i]);
	if (process->state != PROCESS_STARTING)
		process_output_ended(process);
}

static void mute(struct connection *connection, const struct request *request, struct process *process)
{
	if (!process->is_exec || process->client != connection) {
		reply_errno(connection, request->number, -EINVAL, "mute", request->id);
		return;
	}
	output_mute(&process->outputs[request->stream - 1]);
	reply_ok(connection, request->number);
}

/* Requests about one process that is there. */
static void dispatch_to(struct process *process, struct connection *connection, const struct request *request)
{
	switch ((enum frame_kind)request->kind) {
	case FRAME_SIGNAL:
		send_signal(connection, request, process);
		return;
	case FRAME_REOPEN_LOG:
		reopen_log(connection, request, process);
		return;
	case FRAME_RESIZE:
		resize(connection, request, process);
		return;
	case FRAME_CLOSE_STDIN:
		if (attach_ends_input(process, connection))
			input_close(process);
		reply_ok(connection, request->number);
		return;
	case FRAME_STDIN:
		input_write(process, connection, request);
		return;
	case FRAME_ABANDON:
		abandon(connection, request, process);
		return;
	case FRAME_MUTE:
		mute(connection, request, process);
		return;
	case FRAME_ATTACH:
		attach(process, connection, request);
		return;
	default:
		reply_errno(connection, request->number, -ENOSYS, "request", "");
	}
}

void dispatch(struct monitor *monitor, struct connection *connection, const struct request *request)
{
	struct processes *processes = &monitor->processes;
	struct process *process;
	switch ((enum frame_kind)request->kind) {
	case FRAME_SETUP:
		sandbox_setup(&monitor->sandbox, connection, request);
		return;
	case FRAME_UNSHARE:
		sandbox_unshare(&monitor->sandbox, connection, request);
		return;
	case FRAME_START:
	case FRAME_EXEC:
		launch(processes, connection, request);
		return;
	case FRAME_LIST:
		list(processes, connection, request->number);
		return;
	case FRAME_FORGET:
		forget(processes, connection, request);
		return;
	case FRAME_RENEW:
		renewal_ask(monitor, connection, request->number);
		return;
	case FRAME_SHUTDOWN:
		shutdown_begin(&monitor->shutdown, connection, request->number);
		return;
	default:
		process = process_find(processes, request->id);
		if (process == NULL)
			reply_errno(connection, request->number, -ENOENT, "no such container or exec", request->id);
		else
			dispatch_to(process, connection, request);
	}
}
