#include <errno.h>
#include <string.h>

#include "protocol.h"

int frame_header_read(const uint8_t bytes[FRAME_HEADER_SIZE], struct frame_header *header)
{
	struct reader reader = reader_over(bytes, FRAME_HEADER_SIZE);
	header->length = read_u32(&reader);
	header->kind = read_u16(&reader);
	uint16_t zero = read_u16(&reader);
	header->request = read_u32(&reader);
	return zero != 0 || header->length > FRAME_PAYLOAD_MAX ? -EBADMSG : 0;
}

/* Ids become file names, so nothing but hex digits gets past here. */
static const char *read_id(struct reader *payload)
{
	const char *id = read_string(payload);
	size_t length = strlen(id);
	if (length == 0 || length >= ID_SIZE || strspn(id, "0123456789abcdef") != length)
		payload->bad = true;
	return id;
}

static void read_id_map(struct reader *payload, struct id_map *map)
{
	map->count = read_u32(payload);
	map->lines = *payload;
	if (map->count > ID_MAP_LINES_MAX)
		payload->bad = true;
	for (uint32_t i = 0; i < map->count * 3 && !payload->bad; i++)
		read_u32(payload);
}

static void read_setup(struct reader *payload, struct setup_request *setup)
{
	setup->unshare = read_u64(payload);
	setup->hostname = read_string(payload);
	setup->loopback = read_u8(payload) != 0;
	setup->pid_init = read_u8(payload) != 0;
	setup->sysctl_count = read_u32(payload);
	setup->sysctls = *payload;
	for (uint32_t i = 0; i < setup->sysctl_count && !payload->bad; i++) {
		read_string(payload);
		read_string(payload);
	}
	read_id_map(payload, &setup->uids);
	read_id_map(payload, &setup->gids);
}

/* What a side that speaks version 1 does not know of comes last, and may be missing. */
static uint32_t read_deadline(struct reader *payload)
{
	return reader_done(payload) ? 0 : read_u32(payload);
}

static void read_start(struct reader *payload, struct launch_request *launch)
{
	launch->container = "";
	launch->terminal = read_u8(payload) != 0;
	launch->with_stdin = read_u8(payload) != 0;
	launch->stdin_once = read_u8(payload) != 0;
	launch->log_path = read_string(payload);
	launch->oom_file = read_string(payload);
	launch->plan = read_bytes(payload);
	launch->deadline_ms = read_deadline(payload);
}

static void read_exec(struct reader *payload, struct launch_request *launch)
{
	launch->container = read_id(payload);
	launch->terminal = read_u8(payload) != 0;
	launch->with_stdin = read_u8(payload) != 0;
	launch->stdin_once = false;
	launch->log_path = "";
	launch->oom_file = "";
	launch->plan = read_bytes(payload);
	launch->deadline_ms = read_deadline(payload);
}

static void read_attach(struct reader *payload, struct attach_request *attach)
{
	attach->with_stdin = read_u8(payload) != 0;
	attach->outputs[0] = read_u8(payload) != 0;
	attach->outputs[1] = read_u8(payload) != 0;
}

static bool read_hello(struct reader *payload, struct hello_request *hello)
{
	uint32_t magic = read_u32(payload);
	hello->newest = read_u8(payload);
	hello->oldest = read_u8(payload);
	uint16_t zero = read_u16(payload);
	if (hello->oldest == 0)
		hello->oldest = hello->newest;
	return magic == PROTOCOL_MAGIC && zero == 0;
}

uint8_t protocol_choose(const struct hello_request *hello)
{
	uint8_t newest = hello->newest < PROTOCOL_NEWEST ? hello->newest : PROTOCOL_NEWEST;
	uint8_t oldest = hello->oldest > PROTOCOL_OLDEST ? hello->oldest : PROTOCOL_OLDEST;
	return newest >= oldest ? newest : 0;
}

int request_read(const struct frame_header *header, const void *bytes, struct request *request)
{
	struct reader payload = reader_over(bytes, header->length);
	*request = (struct request){.kind = header->kind, .number = header->request, .id = ""};
	switch ((enum frame_kind)header->kind) {
	case FRAME_HELLO:
		payload.bad |= !read_hello(&payload, &request->hello);
		break;
	case FRAME_SETUP:
		read_setup(&payload, &request->setup);
		break;
	case FRAME_UNSHARE:
		request->unshare = read_u64(&payload);
		break;
	case FRAME_START:
		request->id = read_id(&payload);
		read_start(&payload, &request->launch);
		break;
	case FRAME_EXEC:
		request->id = read_id(&payload);
		read_exec(&payload, &request->launch);
		break;
	case FRAME_SIGNAL:
		request->id = read_id(&payload);
		request->signal = read_u32(&payload);
		break;
	case FRAME_MUTE:
		request->id = read_id(&payload);
		request->stream = read_u8(&payload);
		payload.bad |= request->stream != 1 && request->stream != 2;
		break;
	case FRAME_ATTACH:
		request->id = read_id(&payload);
		read_attach(&payload, &request->attach);
		break;
	case FRAME_RESIZE:
		request->id = read_id(&payload);
		request->resize.columns = read_u16(&payload);
		request->resize.rows = read_u16(&payload);
		break;
	case FRAME_STDIN:
		request->id = read_id(&payload);
		request->input = read_bytes(&payload);
		break;
	case FRAME_REOPEN_LOG:
	case FRAME_CLOSE_STDIN:
	case FRAME_FORGET:
	case FRAME_ABANDON:
		request->id = read_id(&payload);
		break;
	case FRAME_LIST:
	case FRAME_RENEW:
	case FRAME_SHUTDOWN:
		break;
	case FRAME_OK:
	case FRAME_ERROR:
	case FRAME_EXIT:
	case FRAME_EXEC_OUTPUT:
	case FRAME_EXEC_EXIT:
	case FRAME_EXEC_DRAINED:
	default:
		return -ENOSYS;
	}
	return reader_done(&payload) ? 0 : -EBADMSG;
}
