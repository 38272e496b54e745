#include "monitor/transport/reply.h"

#include "monitor/transport/send.h"

void reply_ok(struct connection *connection, uint32_t request)
{
	if (connection == NULL)
		return;
	struct frame frame;
	frame_begin(&frame, FRAME_OK, request);
	connection_send(connection, &frame);
}

void reply_failure(struct connection *connection, uint32_t request, const struct failure *failure)
{
	if (connection == NULL)
		return;
	struct frame frame;
	frame_begin(&frame, FRAME_ERROR, request);
	frame_u32(&frame, (uint32_t)failure->code);
	frame_u16(&frame, failure->step);
	frame_u16(&frame, failure->index);
	frame_string(&frame, failure->call);
	frame_string(&frame, failure->path);
	connection_send(connection, &frame);
}

void reply_errno(struct connection *connection, uint32_t request, int code, const char *call, const char *path)
{
	struct failure failure = {0};
	failure_set(&failure, code, call, path);
	reply_failure(connection, request, &failure);
}
