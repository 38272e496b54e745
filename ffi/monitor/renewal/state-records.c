#include "monitor/renewal/state-records.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY UINT32_MAX
/* An unfinished line; see cri-log.h. */
#define HELD_MAX CRI_LINE_MAX
#define QUEUE_MAX (8u << 20)

uint32_t connection_position(const struct connection *list, const struct connection *wanted)
{
	uint32_t position = 0;
	for (; list != NULL && list != wanted; list = list->next)
		position++;
	return list == NULL ? NOBODY : position;
}

struct connection *connection_at(struct connection *list, uint32_t position)
{
	while (list != NULL && position-- > 0)
		list = list->next;
	return list;
}

static void io_client(struct state_io *io, struct connection *list, struct connection **client)
{
	uint32_t position = io_writing(io) ? connection_position(list, *client) : NOBODY;
	io_u32(io, &position);
	if (io_writing(io))
		return;
	*client = position == NOBODY ? NULL : connection_at(list, position);
	if (position != NOBODY && *client == NULL)
		io_bad(io);
}

/* The part of a frame that has come in, header and all. */
static void io_received(struct state_io *io, struct connection *connection)
{
	uint8_t *header = connection->header_bytes;
	for (int i = 0; i < FRAME_HEADER_SIZE; i++)
		io_u8(io, &header[i]);
	bool has_header = connection->payload != NULL;
	io_bool(io, &has_header);
	uint8_t *payload = connection->payload;
	size_t length = has_header ? connection->received : 0;
	io_blob(io, &payload, &length, FRAME_PAYLOAD_MAX);
	uint32_t received = connection->received;
	io_u32(io, &received);
	if (io_writing(io))
		return;
	bool fits = has_header ? frame_header_read(header, &connection->header) == 0 &&
					 connection->header.length >= length && received == length
			       : received < FRAME_HEADER_SIZE && length == 0;
	if (!fits)
		io_bad(io);
	connection->received = received;
	connection->payload_size = (size_t)connection->header.length + 1;
	if (fits && has_header && !io->in.bad)
		connection->payload = malloc(connection->payload_size);
	if (connection->payload != NULL && length > 0)
		memcpy(connection->payload, payload, length);
	if (has_header && connection->payload == NULL)
		io_bad(io);
	free(payload);
}

void io_connection(struct state_io *io, struct connection *connection)
{
	io_fd(io, &connection->source.fd);
	io_fd(io, &connection->passed);
	io_bool(io, &connection->greeted);
	io_received(io, connection);
	uint8_t *waiting = connection->queue == NULL ? NULL : connection->queue + connection->sent;
	size_t length = connection->queued - connection->sent;
	io_blob(io, &waiting, &length, QUEUE_MAX);
	io_bool(io, &connection->paused);
	io_u64(io, &connection->progress_ms);
	if (io_writing(io))
		return;
	connection->queue = waiting;
	connection->queued = connection->capacity = length;
	if (connection->source.fd < 0)
		io_bad(io);
}

static struct attachment *attachment_after(struct attachment *at, const struct process *process)
{
	while (at != NULL && at->process != process)
		at = at->next;
	return at;
}

/* Reading: one more of this process, or NULL when that cannot be. */
static struct attachment *attachment_add(struct attachment **attachments, struct connection *client,
					 struct process *process)
{
	struct attachment **link = attachments;
	for (; *link != NULL; link = &(*link)->next) {
		if ((*link)->client == client)
			return NULL;
	}
	struct attachment *made = client == NULL ? NULL : calloc(1, sizeof(*made));
	if (made == NULL)
		return NULL;
	*made = (struct attachment){.client = client, .process = process};
	*link = made;
	return made;
}

/* The connections that have joined the process's stdio. */
static void io_attachments(struct state_io *io, struct connection *connections, struct attachment **attachments,
			   struct process *process)
{
	struct attachment *at = attachment_after(*attachments, process);
	uint32_t count = 0;
	for (struct attachment *one = at; io_writing(io) && one != NULL; one = attachment_after(one->next, process))
		count++;
	io_u32(io, &count);
	for (uint32_t i = 0; i < count && !io->in.bad; i++) {
		struct connection *client = io_writing(io) ? at->client : NULL;
		io_client(io, connections, &client);
		if (!io_writing(io))
			at = attachment_add(attachments, client, process);
		if (at == NULL) {
			io_bad(io);
			return;
		}
		io_bool(io, &at->with_stdin);
		io_bool(io, &at->outputs[0]);
		io_bool(io, &at->outputs[1]);
		io_bool(io, &at->drained_told);
		if (io_writing(io))
			at = attachment_after(at->next, process);
	}
}

static void io_write(struct state_io *io, struct connection *connections, struct input_write *write)
{
	io_client(io, connections, &write->client);
	io_u32(io, &write->request);
	uint8_t *bytes = (uint8_t *)(uintptr_t)(write->bytes + write->written);
	size_t length = write->length - write->written;
	io_blob(io, &bytes, &length, FRAME_PAYLOAD_MAX);
	if (io_writing(io))
		return;
	write->bytes = write->block = bytes;
	write->length = write->block_size = length;
}

static void io_input(struct state_io *io, struct connection *connections, struct input *input)
{
	io_fd(io, &input->source.fd);
	io_bool(io, &input->close_after);
	io_bool(io, &input->widened);
	uint32_t count = 0;
	for (const struct input_write *at = input->writes; at != NULL; at = at->next)
		count++;
	io_u32(io, &count);
	struct input_write **link = &input->writes;
	for (uint32_t i = 0; i < count && !io->in.bad; i++) {
		if (!io_writing(io))
			*link = calloc(1, sizeof(**link));
		if (*link == NULL) {
			io_bad(io);
			return;
		}
		io_write(io, connections, *link);
		link = &(*link)->next;
	}
	if (count > 0 && input->source.fd < 0)
		io_bad(io);
}

static void io_output(struct state_io *io, struct output *output)
{
	io_fd(io, &output->source.fd);
	io_bool(io, &output->widened);
	io_bool(io, &output->muted);
	io_blob(io, &output->held, &output->held_length, HELD_MAX);
}

static void io_log(struct state_io *io, struct log_file *log)
{
	io_fd(io, &log->fd);
	io_bool(io, &log->torn);
	io_u64(io, &log->dropped_bytes);
	io_text(io, &log->path);
}

static void io_life(struct state_io *io, struct process *process)
{
	uint8_t state = (uint8_t)process->state;
	io_u8(io, &state);
	if (state > PROCESS_EXITED)
		io_bad(io);
	process->state = (enum process_state)state;
	io_pid(io, &process->pid);
	io_fd(io, &process->pidfd);
	io_bool(io, &process->ready);
	io_bool(io, &process->failed);
	io_bool(io, &process->born);
	io_bool(io, &process->killed_by_request);
	io_u64(io, &process->deadline_ms);
	io_u64(io, &process->started_ns);
	io_u64(io, &process->finished_ns);
	io_u8(io, &process->exit_code);
	io_u8(io, &process->exit_signal);
	io_bool(io, &process->oom_killed);
}

void io_process(struct state_io *io, struct connection *connections, struct attachment **attachments,
		struct process *process)
{
	io_bool(io, &process->is_exec);
	io_id(io, process->id);
	io_life(io, process);
	io_bool(io, &process->terminal);
	io_bool(io, &process->with_stdin);
	io_bool(io, &process->stdin_once);
	io_bool(io, &process->drained_told);
	io_client(io, connections, &process->client);
	io_u32(io, &process->request);
	io_output(io, &process->outputs[0]);
	io_output(io, &process->outputs[1]);
	io_log(io, &process->log);
	io_text(io, &process->oom_file);
	io_input(io, connections, &process->input);
	io_attachments(io, connections, attachments, process);
}
