#include "monitor/process/lifecycle.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "cleanup.h"
#include "monitor/loop/clock.h"
#include "monitor/process/attach.h"
#include "monitor/process/birth.h"
#include "monitor/process/exit-record.h"
#include "monitor/process/input.h"
#include "monitor/process/oom.h"
#include "monitor/process/output.h"
#include "monitor/process/report.h"
#include "monitor/transport/connection.h"
#include "monitor/transport/reply.h"
#include "monitor/transport/send.h"

struct process *process_new(struct processes *processes, const char *id)
{
	struct process *process = process_make(id);
	if (process == NULL)
		return NULL;
	process->among = processes;
	process->next = processes->first;
	processes->first = process;
	return process;
}

void process_free(struct process *process)
{
	struct server *server = process->among->server;
	struct process **link = &process->among->first;
	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	source_close(&process->report);
	input_end(process, -EPIPE);
	attach_process_gone(process);
	for (int i = 0; i < 2; i++)
		output_close(&process->outputs[i]);
	for (int i = 0; i < 3; i++)
		close_and_clear(&process->stdio[i]);
	close_and_clear(&process->pidfd);
	source_close(&process->errors);
	close_and_clear(&process->report_peer);
	birth_note_free(process);
	log_close(&process->log);
	frame_free(&process->warnings);
	free(process->oom_file);
	if (process->is_exec)
		output_stream_ended();
	free(process);
	connections_accept_again(server);
}

/* Output without a reader would be lost without a word, and its writer killed by SIGPIPE. */
static bool watch_outputs(struct process *process)
{
	int watched = 0;
	for (int i = 0; watched == 0 && i < 2; i++) {
		if (process->stdio[i + 1] >= 0)
			watched = output_watch(process, &process->outputs[i], process->stdio[i + 1]);
		if (watched == 0)
			process->stdio[i + 1] = -1;
	}
	if (watched == 0)
		return true;
	for (int i = 0; i < 2; i++)
		output_close(&process->outputs[i]);
	failure_set(&process->failure, watched, "epoll_ctl", "output");
	process->failed = true;
	if (process->pidfd >= 0)
		process_kill(process);
	return false;
}

void process_started(struct process *process)
{
	if (!watch_outputs(process))
		return; /* answered when it is reaped */
	process->state = PROCESS_RUNNING;
	report_end(process);
	source_close(&process->errors);
	birth_note_free(process);
	process->started_ns = now_ns();
	input_open(process, take_fd(&process->stdio[0]));

	struct connection *client = process->client;
	if (!process->is_exec)
		process->client = NULL;
	if (client != NULL) {
		struct frame frame;
		frame_begin(&frame, FRAME_OK, process->request);
		frame_u32(&frame, (uint32_t)process->pid);
		frame_u64(&frame, process->started_ns);
		frame_u32(&frame, process->warning_count);
		frame_raw(&frame, process->warnings.data, process->warnings.length);
		connection_send(client, &frame);
	}
	frame_free(&process->warnings);
}

static bool outputs_closed(const struct process *process)
{
	return process->outputs[0].source.fd < 0 && process->outputs[1].source.fd < 0;
}

static void exec_settled(struct process *process)
{
	if (outputs_closed(process) && !process->drained_told) {
		process->drained_told = true;
		if (process->client != NULL) {
			struct frame frame;
			frame_begin(&frame, FRAME_EXEC_DRAINED, 0);
			frame_string(&frame, process->id);
			connection_send(process->client, &frame);
		}
	}
	if (process->state == PROCESS_EXITED && process->drained_told)
		process_free(process);
}

void process_output_ended(struct process *process)
{
	if (process->is_exec)
		exec_settled(process);
	else if (outputs_closed(process)) {
		attach_tell_drained(process);
		if (process->state == PROCESS_EXITED)
			close_and_clear(&process->log.fd);
	}
}

static void exec_client_gone(struct process *process)
{
	if (process->state != PROCESS_EXITED)
		process_kill(process);
	process->client = NULL;
	for (int i = 0; i < 2; i++)
		output_close(&process->outputs[i]);
	if (process->state != PROCESS_STARTING)
		exec_settled(process);
}

void process_client_gone(struct processes *processes, const struct connection *connection)
{
	struct process *next;
	for (struct process *process = processes->first; process != NULL; process = next) {
		next = process->next;
		input_client_gone(process, connection);
		if (process->client != connection)
			continue;
		if (process->is_exec)
			exec_client_gone(process);
		else
			process->client = NULL;
	}
}

static void exec_exited(struct process *process)
{
	if (process->client != NULL) {
		struct frame frame;
		frame_begin(&frame, FRAME_EXEC_EXIT, 0);
		frame_string(&frame, process->id);
		frame_u8(&frame, process->exit_code);
		frame_u8(&frame, process->exit_signal);
		connection_send(process->client, &frame);
	}
	exec_settled(process);
}

/* The record is on disk before anybody hears of the exit: a daemon that dies on the news finds it again. Where
 * there is no room for it, the news must go out all the same: exit-record.c tries again. */
static void container_exited(struct process *process)
{
	bool killed = process->exit_code == 128 + SIGKILL;
	process->oom_killed =
		killed && !process->killed_by_request && oom_was_killed(process_host(process), process->oom_file);
	exit_record_put(process);
	struct frame frame;
	frame_begin(&frame, FRAME_EXIT, 0);
	frame_string(&frame, process->id);
	frame_u8(&frame, process->exit_code);
	frame_u8(&frame, process->exit_signal);
	frame_u8(&frame, process->oom_killed);
	frame_u64(&frame, process->finished_ns);
	connection_broadcast(process->among->server, &frame);
	process_output_ended(process);
}

/* It died before execve. What the init stage said about it, or else how it died, is the answer. */
static void start_failed(struct process *process, int signal_number)
{
	if (!process->failed)
		failure_set(&process->failure, -ECANCELED, "launch",
			    signal_number == SIGKILL ? "killed before execve" : "died before execve");
	if (process->client != NULL)
		reply_failure(process->client, process->request, &process->failure);
	process_free(process);
}

void process_exited(struct process *process, int code, int signal_number)
{
	/* A caller that finds none does not signal: the number may be another process's from now on. */
	close_and_clear(&process->pidfd);
	if (process->state == PROCESS_STARTING)
		report_settle(process);
	if (process->state == PROCESS_STARTING) {
		report_take_error(process);
		/* Like after "ready": death before execve is the workload's own when nothing was wrong with that. */
		if (process->born && !process->failed)
			process_started(process);
	}
	if (process->state == PROCESS_STARTING) {
		start_failed(process, signal_number);
		return;
	}
	process->finished_ns = now_ns();
	process->exit_code = (uint8_t)code;
	process->exit_signal = (uint8_t)signal_number;
	output_drain(process);
	input_end(process, -EPIPE);
	process->state = PROCESS_EXITED;
	if (process->is_exec)
		exec_exited(process);
	else
		container_exited(process);
}
