#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "monitor.h"

#define END_OF_TRANSMISSION 4 /* what ends input on a terminal, whose descriptor is also its output */

static void finish(struct input *input, int error)
{
	if (error == 0)
		reply_ok(input->client, input->request);
	else if (input->client != NULL)
		reply_errno(input->client, input->request, error, "write", "stdin");
	free(input->pending);
	input->pending = NULL;
	input->client = NULL;
	if (input->close_after || error != 0)
		source_close(&input->source);
	else
		source_set(&input->source, 0);
}

static void push(struct input *input)
{
	while (input->written < input->length) {
		ssize_t written =
			write(input->source.fd, input->pending + input->written, input->length - input->written);
		if (written < 0 && errno == EAGAIN) {
			source_set(&input->source, EPOLLOUT);
			return;
		}
		if (written < 0) {
			finish(input, -errno);
			return;
		}
		input->written += (size_t)written;
	}
	finish(input, 0);
}

void input_ready(struct source *source, uint32_t events)
{
	(void)events;
	push(container_of(source, struct input, source));
}

static void begin(struct input *input, const void *data, size_t length, struct connection *client, uint32_t request)
{
	input->client = client;
	input->request = request;
	input->pending = malloc(length + 1);
	input->length = length;
	input->written = 0;
	if (input->pending == NULL) {
		finish(input, -ENOMEM);
		return;
	}
	if (length > 0)
		memcpy(input->pending, data, length);
	push(input);
}

void input_write(struct process *process, struct connection *connection, const struct request *request)
{
	struct input *input = &process->input;
	if (input->source.fd < 0)
		reply_errno(connection, request->number, -EPIPE, "write", "stdin is closed");
	else if (input->pending != NULL || input->close_after)
		reply_errno(connection, request->number, -EBUSY, "write", "stdin is being written");
	else
		begin(input, request->input.data, request->input.length, connection, request->number);
}

void input_close(struct process *process)
{
	struct input *input = &process->input;
	if (input->source.fd < 0)
		return;
	if (process->terminal) {
		static const char end[] = {END_OF_TRANSMISSION};
		if (input->pending == NULL)
			begin(input, end, sizeof(end), NULL, 0);
		return;
	}
	input->close_after = true;
	if (input->pending == NULL)
		source_close(&input->source);
}

void input_client_gone(struct process *process, struct connection *connection)
{
	if (process->input.client == connection)
		process->input.client = NULL;
}
