#include <errno.h>

#include "check.h"
#include "wire.h"

static int read_request(uint16_t kind, const struct wire *payload, struct request *request)
{
	struct frame_header header = {.length = (uint32_t)payload->length, .kind = kind, .request = 7};
	return request_read(&header, payload->data, request);
}

static void reads_headers(void)
{
	struct frame_header header;
	uint8_t bytes[FRAME_HEADER_SIZE] = {4, 3, 2, 0, 5, 0, 0, 0, 1, 2, 3, 4};
	CHECK(frame_header_read(bytes, &header) == 0);
	CHECK(header.length == 0x00020304 && header.kind == 5 && header.request == 0x04030201);
	bytes[3] = 1;
	CHECK(frame_header_read(bytes, &header) == -EBADMSG);
	bytes[3] = 0;
	bytes[6] = 1;
	CHECK(frame_header_read(bytes, &header) == -EBADMSG);
}

static void reads_a_start(void)
{
	struct wire payload = {.length = 0};
	struct request request;
	put_string(&payload, "0123456789abcdef");
	put(&payload, 0, 1);
	put(&payload, 1, 1);
	put(&payload, 1, 1);
	put_string(&payload, "/var/log/x");
	put_string(&payload, "");
	put_bytes(&payload, "plan", 4);
	CHECK(read_request(FRAME_START, &payload, &request) == 0);
	CHECK(request.number == 7 && strcmp(request.id, "0123456789abcdef") == 0);
	CHECK(!request.launch.terminal && request.launch.with_stdin && request.launch.stdin_once);
	CHECK(strcmp(request.launch.log_path, "/var/log/x") == 0 && request.launch.oom_file[0] == '\0');
	CHECK(request.launch.plan.length == 4 && memcmp(request.launch.plan.data, "plan", 4) == 0);
	payload.length--;
	CHECK(read_request(FRAME_START, &payload, &request) == -EBADMSG);
	payload.length += 2;
	CHECK(read_request(FRAME_START, &payload, &request) == -EBADMSG);
}

static void reads_an_attach(void)
{
	struct wire payload = {.length = 0};
	struct request request;
	put_string(&payload, "0123456789abcdef");
	put(&payload, 1, 1);
	put(&payload, 0, 1);
	CHECK(read_request(FRAME_ATTACH, &payload, &request) == -EBADMSG);
	put(&payload, 1, 1);
	CHECK(read_request(FRAME_ATTACH, &payload, &request) == 0);
	CHECK(strcmp(request.id, "0123456789abcdef") == 0 && request.attach.with_stdin);
	CHECK(!request.attach.outputs[0] && request.attach.outputs[1]);
	put(&payload, 1, 1);
	CHECK(read_request(FRAME_ATTACH, &payload, &request) == -EBADMSG);
}

static void reads_which_stream_to_mute(void)
{
	static const struct {
		uint8_t stream;
		int result;
	} cases[] = {{0, -EBADMSG}, {1, 0}, {2, 0}, {3, -EBADMSG}, {255, -EBADMSG}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire payload = {.length = 0};
		struct request request;
		put_string(&payload, "0123456789abcdef");
		CHECK(read_request(FRAME_MUTE, &payload, &request) == -EBADMSG);
		put(&payload, cases[i].stream, 1);
		CHECK(read_request(FRAME_MUTE, &payload, &request) == cases[i].result);
	}
}

/* An id becomes the name of an exit record. */
static void refuses_ids_that_are_no_ids(void)
{
	static const char *const bad[] = {
		"",  "..", "a/b", "ABC",
		"g", "0 ", "a\n", "00000000000000000000000000000000000000000000000000000000000000000"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct wire payload = {.length = 0};
		struct request request;
		put_string(&payload, bad[i]);
		CHECK(read_request(FRAME_FORGET, &payload, &request) == -EBADMSG);
	}
}

static void tells_unknown_from_malformed(void)
{
	struct wire payload = {.length = 0};
	struct request request;
	CHECK(read_request(999, &payload, &request) == -ENOSYS);
	CHECK(read_request(FRAME_OK, &payload, &request) == -ENOSYS);
	CHECK(read_request(FRAME_EXIT, &payload, &request) == -ENOSYS);
	CHECK(read_request(FRAME_LIST, &payload, &request) == 0);
	CHECK(read_request(FRAME_HELLO, &payload, &request) == -EBADMSG);
	put(&payload, 0, 1);
	CHECK(read_request(FRAME_LIST, &payload, &request) == -EBADMSG);
}

static void reads_sysctls_only_whole(void)
{
	struct wire payload = {.length = 0};
	struct request request;
	put(&payload, 0x40000000, 8);
	put_string(&payload, "host");
	put(&payload, 1, 1);
	put(&payload, 0, 1);
	put(&payload, 2, 4);
	put_string(&payload, "net/core/somaxconn");
	put_string(&payload, "1024");
	CHECK(read_request(FRAME_SETUP, &payload, &request) == -EBADMSG);
	put_string(&payload, "kernel/shm_rmid_forced");
	put_string(&payload, "1");
	CHECK(read_request(FRAME_SETUP, &payload, &request) == -EBADMSG);
	put(&payload, 0, 4);
	put(&payload, 0, 4);
	CHECK(read_request(FRAME_SETUP, &payload, &request) == 0);
	CHECK(request.setup.uids.count == 0);
	CHECK(request.setup.loopback && !request.setup.pid_init && request.setup.sysctl_count == 2);
	CHECK(strcmp(read_string(&request.setup.sysctls), "net/core/somaxconn") == 0);
}

static void reads_id_maps_only_whole(void)
{
	struct request request;
	struct wire payload = {.length = 0};
	put(&payload, 0, 8);
	put_string(&payload, "");
	put(&payload, 0, 2);
	put(&payload, 0, 4);
	put(&payload, 1, 4);
	put(&payload, 0, 4);
	put(&payload, 100000, 4);
	CHECK(read_request(FRAME_SETUP, &payload, &request) == -EBADMSG);
	put(&payload, 65536, 4);
	CHECK(read_request(FRAME_SETUP, &payload, &request) == -EBADMSG);
	struct wire bomb = payload;
	put(&bomb, 0x55555556, 4); /* times three it is 2, times four bytes it fits */
	put(&bomb, 0, 8);
	CHECK(read_request(FRAME_SETUP, &bomb, &request) == -EBADMSG);
	put(&payload, 0, 4);
	CHECK(read_request(FRAME_SETUP, &payload, &request) == 0);
	CHECK(request.setup.uids.count == 1 && request.setup.gids.count == 0);
	CHECK(read_u32(&request.setup.uids.lines) == 0 && read_u32(&request.setup.uids.lines) == 100000);
}

int main(void)
{
	reads_headers();
	reads_a_start();
	reads_an_attach();
	reads_which_stream_to_mute();
	refuses_ids_that_are_no_ids();
	tells_unknown_from_malformed();
	reads_sysctls_only_whole();
	reads_id_maps_only_whole();
	return checks_passed();
}
