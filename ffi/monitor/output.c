#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "monitor.h"

#define READ_SIZE 32768
/* At exit, at most this much is read before the exit is told; whoever holds the pipe open may write for ever. */
#define DRAIN_LIMIT (1u << 20)

/* One buffer for all streams: an unfinished line is put before what is read next, and kept aside again after. */
static uint8_t scratch[CRI_LINE_MAX + READ_SIZE];

static void read_ready(struct source *source, uint32_t events);

static struct process *owner(struct output *output)
{
	return output->stream == 1 ? container_of(output, struct process, outputs[0])
				   : container_of(output, struct process, outputs[1]);
}

int output_watch(struct output *output, int fd)
{
	return source_watch(&output->source, fd, EPOLLIN, read_ready);
}

void output_close(struct output *output)
{
	source_close(&output->source);
	free(output->held);
	output->held = NULL;
	output->held_length = 0;
}

static void keep(struct output *output, const uint8_t *rest, size_t length)
{
	if (length > output->held_length || length == 0) {
		free(output->held);
		output->held = length == 0 ? NULL : malloc(length);
	}
	output->held_length = output->held == NULL ? 0 : length;
	if (output->held != NULL)
		memcpy(output->held, rest, length);
}

/* Logs `length` new bytes that lie in scratch behind the held line. */
static void log_bytes(struct process *process, struct output *output, size_t length, bool end)
{
	static struct cri_piece pieces[CRI_PIECES_MAX];
	const uint8_t *at = scratch;
	size_t left = output->held_length + length;
	int count;
	do {
		size_t used = cri_split(at, left, end, pieces, &count);
		log_write(&process->log, output->stream, pieces, count);
		at += used;
		left -= used;
	} while (count == CRI_PIECES_MAX);
	keep(output, at, left);
}

static void forward_bytes(struct process *process, struct output *output, const uint8_t *bytes, size_t length)
{
	if (process->client == NULL)
		return;
	struct frame frame;
	frame_begin(&frame, FRAME_EXEC_OUTPUT, 0);
	frame_string(&frame, process->id);
	frame_u8(&frame, (uint8_t)output->stream);
	frame_bytes(&frame, bytes, length);
	connection_send(process->client, &frame);
}

static void end_of_file(struct process *process, struct output *output)
{
	if (!process->is_exec) {
		if (output->held_length > 0)
			memcpy(scratch, output->held, output->held_length);
		log_bytes(process, output, 0, true);
	}
	output_close(output);
}

/* Bytes read; 0 when there is nothing now; -1 after the end of the stream. */
static ssize_t read_once(struct process *process, struct output *output)
{
	size_t held = process->is_exec ? 0 : output->held_length;
	if (held > 0)
		memcpy(scratch, output->held, held);
	ssize_t length = read(output->source.fd, scratch + held, READ_SIZE);
	if (length < 0 && errno == EAGAIN)
		return 0;
	if (length <= 0) {
		/* EIO is how a pty says that nobody has its other side open any more. */
		end_of_file(process, output);
		return -1;
	}
	if (process->is_exec)
		forward_bytes(process, output, scratch, (size_t)length);
	else
		log_bytes(process, output, (size_t)length, false);
	return length;
}

/* Back-pressure: an exec's pipe stays full while its client is behind, and only while there is a client. */
static bool may_read(struct process *process)
{
	return !process->is_exec || process->client == NULL || connection_has_room(process->client);
}

static void read_ready(struct source *source, uint32_t events)
{
	(void)events;
	struct output *output = container_of(source, struct output, source);
	struct process *process = owner(output);
	if (!may_read(process)) {
		source_set(source, 0);
		return;
	}
	if (read_once(process, output) < 0)
		process_output_ended(process);
}

void output_drain(struct process *process)
{
	for (int i = 0; i < 2; i++) {
		struct output *output = &process->outputs[i];
		size_t total = 0;
		while (output->source.fd >= 0 && total < DRAIN_LIMIT && may_read(process)) {
			ssize_t length = read_once(process, output);
			if (length <= 0)
				break;
			total += (size_t)length;
		}
	}
}

void output_resume(struct connection *connection)
{
	for (struct process *process = monitor.processes; process != NULL; process = process->next) {
		if (!process->is_exec || process->client != connection)
			continue;
		for (int i = 0; i < 2; i++)
			source_set(&process->outputs[i].source, EPOLLIN);
	}
}
