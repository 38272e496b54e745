#include "monitor/process/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "container-of.h"
#include "monitor/process/attachment.h"
#include "monitor/transport/send.h"

/* A container that only logs is read in small pieces: what is touched here stays in the pod's memory. */
#define LOG_READ_SIZE 32768
#define STREAM_READ_SIZE (256u << 10)
#define STREAM_PIPE_SIZE (1 << 20)
/* EXEC_OUTPUT up to its bytes: header, id with length and NUL, stream, length. */
#define OUTPUT_PREFIX_MAX (FRAME_HEADER_SIZE + 4 + ID_SIZE + 1 + 4)
/* At exit, at most this much is read before the exit is told; a process that holds the pipe open may write for ever. */
#define DRAIN_LIMIT (1u << 20)

/*
 * One buffer for all streams: an unfinished line is put before what is read next, and kept aside again after. The room
 * in front is for the frame's beginning, so that output goes to the socket from where it was read to.
 */
static uint8_t buffer[OUTPUT_PREFIX_MAX + CRI_LINE_MAX + STREAM_READ_SIZE];
static uint8_t *const scratch = buffer + OUTPUT_PREFIX_MAX;

/* How much of the buffer has been written to since its pages were given back. */
static size_t touched;
static bool stream_ended;

static void read_ready(struct source *source, uint32_t events);

void output_stream_ended(void)
{
	stream_ended = true;
}

void output_give_back(void)
{
	if (!stream_ended)
		return;
	stream_ended = false;
	const uintptr_t page = 4096;
	uintptr_t from = ((uintptr_t)scratch + CRI_LINE_MAX + LOG_READ_SIZE + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t)scratch + touched) & ~(page - 1);
	if (to > from)
		madvise((void *)from, to - from, MADV_DONTNEED);
	touched = 0;
}

static struct process *owner(struct output *output)
{
	return output->stream == 1 ? container_of(output, struct process, outputs[0])
				   : container_of(output, struct process, outputs[1]);
}

int output_watch(struct process *process, struct output *output, int fd)
{
	return source_watch(process_loop(process), &output->source, fd, EPOLLIN, read_ready);
}

void output_close(struct output *output)
{
	source_close(&output->source);
	free(output->held);
	output->held = NULL;
	output->held_length = 0;
}

void output_mute(struct output *output)
{
	output->muted = true;
	source_set(&output->source, EPOLLIN);
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

static uint8_t *put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

/* Writes the frame's beginning into the room before `bytes`, which lie in scratch; returns where it begins. */
static uint8_t *frame_in_place(const struct process *process, int stream, uint8_t *bytes, size_t length)
{
	uint32_t id_length = (uint32_t)strlen(process->id);
	uint32_t prefix = FRAME_HEADER_SIZE + 4 + id_length + 1 + 1 + 4;
	uint8_t *begin = bytes - prefix;
	uint8_t *at = put_u32(begin, prefix - FRAME_HEADER_SIZE + (uint32_t)length);
	at = put_u32(at, FRAME_EXEC_OUTPUT); /* and the zero behind it */
	at = put_u32(at, 0);
	at = put_u32(at, id_length);
	memcpy(at, process->id, id_length + 1);
	at += id_length + 1;
	*at++ = (uint8_t)stream;
	put_u32(at, (uint32_t)length);
	return begin;
}

static void forward_bytes(const struct process *process, int stream, uint8_t *bytes, size_t length)
{
	struct connection *only = process->is_exec ? process->client : NULL;
	if (process->is_exec ? only == NULL : !attachment_any(process))
		return;
	uint8_t *frame = frame_in_place(process, stream, bytes, length);
	size_t size = (size_t)(bytes - frame) + length;
	if (only != NULL)
		connection_send_bytes(only, frame, size);
	else
		attachment_send(process, stream, frame, size);
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

/* A process that fills its pipe while a client is attached gets a larger one: fewer switches for each megabyte. */
static void widen_pipe(struct output *output)
{
	output->widened = true;
	fcntl(output->source.fd, F_SETPIPE_SZ, STREAM_PIPE_SIZE); /* a terminal, or over a limit: it stays as it is */
}

/* Bytes read; 0 when there is nothing now; -1 after the end of the stream. */
static ssize_t read_once(struct process *process, struct output *output)
{
	size_t held = process->is_exec ? 0 : output->held_length;
	bool streamed = process->is_exec || attachment_any(process);
	if (held > 0)
		memcpy(scratch, output->held, held);
	ssize_t length = read(output->source.fd, scratch + held, streamed ? STREAM_READ_SIZE : LOG_READ_SIZE);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (length <= 0) {
		/* EIO is how a pty says that its other side is closed. */
		end_of_file(process, output);
		return -1;
	}
	if (held + (size_t)length > touched)
		touched = held + (size_t)length;
	if (streamed && !output->widened && length >= LOG_READ_SIZE)
		widen_pipe(output);
	if (!process->is_exec)
		log_bytes(process, output, (size_t)length, false);
	if (!output->muted)
		forward_bytes(process, output->stream, scratch + held, (size_t)length);
	return length;
}

/* Back-pressure: a pipe stays full while its exec's client, or an attacher, is behind. */
static bool may_read(const struct process *process, const struct output *output)
{
	if (!process->is_exec)
		return attachment_may_read(process, output->stream);
	return output->muted || process->client == NULL || connection_has_room(process->client);
}

static void read_ready(struct source *source, uint32_t events)
{
	(void)events;
	struct output *output = container_of(source, struct output, source);
	struct process *process = owner(output);
	if (!may_read(process, output)) {
		source_set(source, 0);
		return;
	}
	if (read_once(process, output) < 0)
		process->among->on_output_ended(process);
}

/* A container's log gets all of it, though an attacher be behind: the bound here is under that of its queue. */
void output_drain(struct process *process)
{
	for (int i = 0; i < 2; i++) {
		struct output *output = &process->outputs[i];
		size_t total = 0;
		while (output->source.fd >= 0 && total < DRAIN_LIMIT &&
		       (!process->is_exec || may_read(process, output))) {
			ssize_t length = read_once(process, output);
			if (length <= 0)
				break;
			total += (size_t)length;
		}
	}
}

void output_resume_process(struct process *process)
{
	for (int i = 0; i < 2; i++)
		source_set(&process->outputs[i].source, EPOLLIN);
}

void output_resume(struct processes *processes, const struct connection *connection)
{
	const struct attachment *attachment = attachment_of(processes, connection);
	for (struct process *process = processes->first; process != NULL; process = process->next) {
		bool follows = attachment != NULL && attachment->process == process;
		if ((process->is_exec && process->client == connection) || follows)
			output_resume_process(process);
	}
}
