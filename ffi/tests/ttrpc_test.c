/* What a shim may answer a stage: an error in words, a number, and bytes that are neither. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "init/init.h"
#include "init/ttrpc.h"

static struct ttrpc_answer answer;

/* One frame of stream `stream` from the other side, and what is made of it. */
static int received(uint8_t type, uint8_t stream, const uint8_t *message, uint8_t length, uint8_t told)
{
	int ends[2];
	uint8_t header[10] = {0, 0, 0, told, 0, 0, 0, stream, type, 0};
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
	CHECK(write(ends[1], header, sizeof(header)) == sizeof(header));
	CHECK(write(ends[1], message, length) == length);
	struct ttrpc ttrpc = {.socket = ends[0], .next_stream = 1};
	close(ends[1]);
	int got = ttrpc_receive(&ttrpc, &answer, INT64_MAX);
	close(ends[0]);
	return got;
}

static void reads_answers(void)
{
	static const uint8_t number[] = {0x12, 0x03, 0x08, 0x89, 0x01};
	CHECK(received(2, 5, number, sizeof(number), sizeof(number)) == 0);
	CHECK(answer.stream == 5 && answer.code == 0 && answer.number == 137);

	static const uint8_t error[] = {0x0a, 0x07, 0x08, 0x05, 0x12, 0x03, 'n', 'o', '!'};
	CHECK(received(2, 1, error, sizeof(error), sizeof(error)) == 0);
	CHECK(answer.code == 5 && strcmp(answer.message, "no!") == 0);

	CHECK(received(2, 1, NULL, 0, 0) == 0);
	CHECK(answer.code == 0 && answer.number == 0);
}

static void refuses_what_is_none(void)
{
	static const uint8_t endless[] = {0x0a, 0x7f, 0x08};
	CHECK(received(2, 1, endless, sizeof(endless), sizeof(endless)) == -EPROTO);
	static const uint8_t no_wire_type[] = {0x0f};
	CHECK(received(2, 1, no_wire_type, sizeof(no_wire_type), sizeof(no_wire_type)) == -EPROTO);
	CHECK(received(1, 1, NULL, 0, 0) == -EPROTO);
	CHECK(received(2, 1, NULL, 0, 9) == -ECONNRESET);
}

int main(void)
{
	reads_answers();
	refuses_what_is_none();
	return checks_passed();
}
