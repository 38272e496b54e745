#include "monitor/renewal/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/renewal/state-records.h"

static void put_record(struct frame *into, uint16_t kind, struct frame *record)
{
	frame_u16(into, kind);
	frame_bytes(into, record->data, record->length);
	into->out_of_memory |= record->out_of_memory;
	frame_free(record);
}

void state_write(struct frame *into, struct connection *connections, const struct processes *processes,
		 const struct connection *asker, uint32_t request)
{
	struct attachment *attachments = processes->attachments;
	struct frame record = {0};
	struct state_io io = {.out = &record};
	uint32_t count = 1;
	*into = (struct frame){0};
	frame_u32(into, STATE_MAGIC);
	frame_u16(into, STATE_FORMAT);
	frame_u16(into, 0);
	for (struct connection *at = connections; at != NULL; at = at->next, count++) {
		io_connection(&io, at);
		put_record(into, STATE_CONNECTION, &record);
	}
	for (struct process *at = processes->first; at != NULL; at = at->next, count++) {
		io_process(&io, connections, &attachments, at);
		put_record(into, STATE_PROCESS, &record);
	}
	frame_u32(&record, connection_position(connections, asker));
	frame_u32(&record, request);
	put_record(into, STATE_RENEWAL, &record);
	frame_u32(&record, count);
	put_record(into, STATE_END, &record);
}

static void free_connection(struct connection *connection)
{
	free(connection->queue);
	free(connection->payload);
	free(connection);
}

static void free_process(struct process *process)
{
	struct input_write *next;
	for (struct input_write *write = process->input.writes; write != NULL; write = next) {
		next = write->next;
		free(write->block);
		free(write);
	}
	free(process->outputs[0].held);
	free(process->outputs[1].held);
	free(process->log.path);
	free(process->oom_file);
	free(process);
}

static bool read_connection(struct state *state, struct state_io *io)
{
	struct connection **link = &state->connections;
	while (*link != NULL)
		link = &(*link)->next;
	struct connection *connection = calloc(1, sizeof(*connection));
	if (connection == NULL)
		return false;
	connection->source.fd = connection->passed = -1;
	io_connection(io, connection);
	if (io->in.bad) {
		free_connection(connection);
		return false;
	}
	*link = connection;
	return true;
}

static void detach_all(struct attachment **link, const struct process *process)
{
	while (*link != NULL) {
		struct attachment *attachment = *link;
		if (attachment->process != process) {
			link = &attachment->next;
			continue;
		}
		*link = attachment->next;
		free(attachment);
	}
}

static bool read_process(struct state *state, struct state_io *io)
{
	struct process **link = &state->processes;
	while (*link != NULL)
		link = &(*link)->next;
	struct process *process = process_make("");
	if (process == NULL)
		return false;
	io_process(io, state->connections, &state->attachments, process);
	if (io->in.bad) {
		detach_all(&state->attachments, process);
		free_process(process);
		return false;
	}
	*link = process;
	return true;
}

/* False: it cannot be read. */
static bool read_record(struct state *state, uint16_t kind, struct bytes bytes)
{
	struct state_io io = {.in = reader_over(bytes.data, bytes.length)};
	switch ((enum state_record)kind) {
	case STATE_CONNECTION:
		return read_connection(state, &io);
	case STATE_PROCESS:
		return read_process(state, &io);
	case STATE_RENEWAL:
		state->asker = connection_at(state->connections, read_u32(&io.in));
		state->request = read_u32(&io.in);
		return !io.in.bad;
	case STATE_END:
		return false; /* the caller counts it */
	default:
		return (kind & STATE_MUST) == 0;
	}
}

static bool read_records(struct reader *reader, bool leave_out, struct state *state)
{
	for (uint32_t count = 0;; count++) {
		uint16_t kind = read_u16(reader);
		struct bytes record = read_bytes(reader);
		if (reader->bad)
			return false;
		if (kind == STATE_END) {
			struct reader end = reader_over(record.data, record.length);
			return read_u32(&end) == count && !end.bad;
		}
		if (read_record(state, kind, record))
			continue;
		state->lost++;
		if (!leave_out)
			return false;
	}
}

int state_read(const void *bytes, size_t length, bool leave_out, struct state *state)
{
	struct reader reader = reader_over(bytes, length);
	*state = (struct state){0};
	bool known = read_u32(&reader) == STATE_MAGIC && read_u16(&reader) == STATE_FORMAT && read_u16(&reader) == 0;
	if (known && !reader.bad && read_records(&reader, leave_out, state))
		return 0;
	if (leave_out)
		return 0;
	state_free(state);
	return -EPROTO;
}

void state_free(struct state *state)
{
	struct process *process;
	struct connection *connection;
	while ((process = state->processes) != NULL) {
		state->processes = process->next;
		detach_all(&state->attachments, process);
		free_process(process);
	}
	while ((connection = state->connections) != NULL) {
		state->connections = connection->next;
		free_connection(connection);
	}
	*state = (struct state){0};
}

void state_each_fd(struct connection *connections, struct process *processes, void (*visit)(int *fd, void *with),
		   void *with)
{
	for (struct connection *at = connections; at != NULL; at = at->next) {
		visit(&at->source.fd, with);
		visit(&at->passed, with);
	}
	for (struct process *at = processes; at != NULL; at = at->next) {
		visit(&at->pidfd, with);
		visit(&at->outputs[0].source.fd, with);
		visit(&at->outputs[1].source.fd, with);
		visit(&at->log.fd, with);
		visit(&at->input.source.fd, with);
	}
}
