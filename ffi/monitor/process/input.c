#include "monitor/process/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "container-of.h"
#include "monitor/transport/reply.h"

#define END_OF_TRANSMISSION 4 /* what ends input on a terminal, whose descriptor is also its output */
/* A client that writes as much as this at once gets a pipe that takes several of them. */
#define WIDEN_FROM (32u << 10)
#define WIDE_PIPE_SIZE (1 << 20)

/* The first write is over: its sender is told. */
static void answer_first(struct process *process, int error)
{
	struct input *input = &process->input;
	struct input_write *write = input->writes;
	input->writes = write->next;
	if (error == 0)
		reply_ok(write->client, write->request);
	else if (write->client != NULL)
		reply_errno(write->client, write->request, error, "write", "stdin");
	block_give(&process->among->server->blocks, write->block, write->block_size);
	free(write);
}

void input_end(struct process *process, int error)
{
	struct input *input = &process->input;
	source_close(&input->source);
	while (input->writes != NULL)
		answer_first(process, error);
}

static void push(struct process *process)
{
	struct input *input = &process->input;
	while (input->writes != NULL) {
		struct input_write *first = input->writes;
		while (first->written < first->length) {
			ssize_t written =
				write(input->source.fd, first->bytes + first->written, first->length - first->written);
			if (written < 0 && errno == EAGAIN) {
				source_set(&input->source, EPOLLOUT);
				return;
			}
			if (written < 0) {
				input_end(process, -errno);
				return;
			}
			first->written += (size_t)written;
		}
		answer_first(process, 0);
	}
	if (input->close_after)
		source_close(&input->source);
	else
		source_set(&input->source, 0);
}

static void input_ready(struct source *source, uint32_t events)
{
	(void)events;
	push(container_of(source, struct process, input.source));
}

void input_open(struct process *process, int fd)
{
	source_hold(process_loop(process), &process->input.source, fd, input_ready);
	if (process->input.writes != NULL)
		source_set(&process->input.source, EPOLLOUT);
}

/* Takes over the write's block when it succeeds. -ENOMEM, or 0: the client is answered when the bytes are in. */
static int append(struct process *process, struct input_write made)
{
	struct input_write *write = malloc(sizeof(*write));
	if (write == NULL)
		return -ENOMEM;
	*write = made;
	struct input_write **link = &process->input.writes;
	bool idle = *link == NULL;
	while (*link != NULL)
		link = &(*link)->next;
	*link = write;
	if (idle)
		push(process);
	return 0;
}

static void widen_pipe(struct input *input)
{
	input->widened = true;
	fcntl(input->source.fd, F_SETPIPE_SZ, WIDE_PIPE_SIZE); /* a terminal, or over a limit: it stays as it is */
}

/* The bytes lie in the connection's payload, which goes along: they may have to wait for long. */
static int append_payload(struct process *process, struct connection *connection, const struct request *request)
{
	struct input *input = &process->input;
	if (!input->widened && request->input.length >= WIDEN_FROM)
		widen_pipe(input);
	uint8_t *payload = connection->payload;
	connection->payload = NULL;
	int result = append(process, (struct input_write){.client = connection,
							  .request = request->number,
							  .bytes = request->input.data,
							  .length = request->input.length,
							  .block = payload,
							  .block_size = connection->payload_size});
	if (result < 0)
		connection->payload = payload;
	return result;
}

static bool is_writing(const struct input *input, const struct connection *connection)
{
	const struct input_write *write = input->writes;
	while (write != NULL && write->client != connection)
		write = write->next;
	return write != NULL;
}

void input_write(struct process *process, struct connection *connection, const struct request *request)
{
	struct input *input = &process->input;
	int result = 0;
	if (input->source.fd < 0 || input->close_after)
		result = -EPIPE;
	else if (is_writing(input, connection))
		result = -EBUSY; /* one a connection bounds what is kept here */
	else
		result = append_payload(process, connection, request);
	if (result < 0)
		reply_errno(connection, request->number, result, "write",
			    result == -EPIPE ? "stdin is closed" : "stdin is being written");
}

void input_close(struct process *process)
{
	struct input *input = &process->input;
	if (input->source.fd < 0)
		return;
	if (process->terminal) {
		static const uint8_t end[] = {END_OF_TRANSMISSION};
		append(process, (struct input_write){.bytes = end, .length = sizeof(end)});
		return;
	}
	input->close_after = true;
	if (input->writes == NULL)
		source_close(&input->source);
}

void input_client_gone(struct process *process, const struct connection *connection)
{
	for (struct input_write *write = process->input.writes; write != NULL; write = write->next) {
		if (write->client == connection)
			write->client = NULL;
	}
}
