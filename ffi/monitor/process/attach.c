#include "monitor/process/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/process/attachment.h"
#include "monitor/process/input.h"
#include "monitor/process/output.h"
#include "monitor/transport/reply.h"
#include "monitor/transport/send.h"

static void tell_drained(struct attachment *attachment)
{
	attachment->drained_told = true;
	struct frame frame;
	frame_begin(&frame, FRAME_EXEC_DRAINED, 0);
	frame_string(&frame, attachment->process->id);
	connection_send(attachment->client, &frame);
}

void attach_tell_drained(const struct process *process)
{
	for (struct attachment *at = process->among->attachments; at != NULL; at = at->next) {
		if (at->process == process && !at->drained_told)
			tell_drained(at);
	}
}

static int join(struct process *process, struct connection *connection, const struct attach_request *request)
{
	struct attachment *made = malloc(sizeof(*made));
	if (made == NULL)
		return -ENOMEM;
	*made = (struct attachment){
		.next = process->among->attachments,
		.client = connection,
		.process = process,
		.with_stdin = request->with_stdin,
	};
	memcpy(made->outputs, request->outputs, sizeof(made->outputs));
	process->among->attachments = made;
	return 0;
}

void attach(struct process *process, struct connection *connection, const struct request *request)
{
	int result = 0;
	const char *why = "attach";
	if (process->is_exec || process->state != PROCESS_RUNNING) {
		result = -ESRCH;
		why = "container is not running";
	} else if (attachment_of(process->among, connection) != NULL) {
		result = -EBUSY;
		why = "attached already";
	} else {
		result = join(process, connection, &request->attach);
	}
	if (result < 0) {
		reply_errno(connection, request->number, result, "attach", why);
		return;
	}
	reply_ok(connection, request->number);
	if (process->outputs[0].source.fd < 0 && process->outputs[1].source.fd < 0)
		tell_drained(process->among->attachments);
}

bool attach_ends_input(const struct process *process, const struct connection *connection)
{
	struct attachment *attachment = attachment_of(process->among, connection);
	if (attachment == NULL || attachment->process != process)
		return true;
	bool ends = attachment->with_stdin && process->stdin_once;
	attachment->with_stdin = false;
	return ends;
}

/* Takes it out of the list and frees it. */
static void leave(struct processes *processes, struct attachment *attachment)
{
	struct attachment **link = &processes->attachments;
	while (*link != attachment)
		link = &(*link)->next;
	*link = attachment->next;
	free(attachment);
}

void attach_client_gone(struct processes *processes, const struct connection *connection)
{
	struct attachment *attachment = attachment_of(processes, connection);
	if (attachment == NULL)
		return;
	struct process *process = attachment->process;
	bool ends = attachment->with_stdin && process->stdin_once;
	leave(processes, attachment);
	/* A terminal's input ends with a character, not with a descriptor: the next client types on. */
	if (ends && !process->terminal)
		input_close(process);
	output_resume_process(process);
}

void attach_process_gone(const struct process *process)
{
	attach_tell_drained(process);
	struct attachment *next;
	for (struct attachment *at = process->among->attachments; at != NULL; at = next) {
		next = at->next;
		if (at->process == process)
			leave(process->among, at);
	}
}
