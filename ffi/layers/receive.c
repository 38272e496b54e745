#include "receive.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "connect.h"
#include "index-writer.h"
#include "layers.h"
#include "orders.h"
#include "replies.h"
#include "sha256.h"

#define BUFFER_BYTES (256 * 1024)
#define HEAD_BYTES_MAX (64 * 1024)
/* The unpacking of the file goes on meanwhile; it is told this often. */
#define TELL_BYTES (256 * 1024)

static uint8_t buffer[BUFFER_BYTES];

struct receipt {
	int connection;
	int silence_ms;
	uint64_t min_rate;
	struct sha256 hash;
	uint64_t offset; /* bytes in the file */
	uint64_t told;
	/* Since the rate was last judged; only the time spent waiting for the server counts. */
	uint64_t window_bytes;
	int64_t window_ms;
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Less than this is a server that drips to keep its clients waiting, or a broken one. */
static void judge_rate(struct receipt *receipt)
{
	if (receipt->window_ms < receipt->silence_ms)
		return;
	if (receipt->window_bytes * 1000 < receipt->min_rate * (uint64_t)receipt->window_ms)
		job_fail(FAILED_SLOW, "sent %llu bytes in %lld ms, less than %llu a second",
			 (unsigned long long)receipt->window_bytes, (long long)receipt->window_ms,
			 (unsigned long long)receipt->min_rate);
	receipt->window_bytes = 0;
	receipt->window_ms = 0;
}

/* Until there is something to read. Whatever comes from crib meanwhile, and its end, ends the job. */
static void wait_for_bytes(struct receipt *receipt)
{
	struct pollfd wait[] = {{.fd = receipt->connection, .events = POLLIN}, {.fd = FD_ORDERS, .events = POLLIN}};
	int64_t before = now_ms();
	struct timespec silence = {.tv_sec = receipt->silence_ms / 1000,
				   .tv_nsec = (long)(receipt->silence_ms % 1000) * 1000000};
	int ready = ppoll(wait, 2, &silence, NULL);
	if (ready < 0 && errno != EINTR)
		job_fail_errno(errno, "ppoll");
	if (ready == 0)
		job_fail(FAILED_SILENT, "was silent for %d ms", receipt->silence_ms);
	if (ready > 0 && wait[1].revents != 0)
		_exit(0);
	receipt->window_ms += now_ms() - before;
}

/* 0 at the end of the connection. */
static size_t receive(struct receipt *receipt, uint8_t *into, size_t most)
{
	for (;;) {
		wait_for_bytes(receipt);
		ssize_t have = read(receipt->connection, into, most);
		if (have < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (have < 0)
			job_fail(FAILED_BROKEN, "%s", strerror(errno));
		receipt->window_bytes += (uint64_t)have;
		judge_rate(receipt);
		return (size_t)have;
	}
}

static void ask(struct receipt *receipt)
{
	struct order order = {0};
	if (!order_next(&order) || order.kind != ORDER_ASK)
		_exit(0);
	size_t left = order.left;
	const uint8_t *bytes = order_bytes(&order, left);
	while (left > 0) {
		struct pollfd wait = {.fd = receipt->connection, .events = POLLOUT};
		struct timespec silence = {.tv_sec = receipt->silence_ms / 1000 + 1};
		if (ppoll(&wait, 1, &silence, NULL) == 0)
			job_fail(FAILED_SILENT, "was silent for %d ms", receipt->silence_ms);
		ssize_t sent = write(receipt->connection, bytes, left);
		if (sent < 0 && errno != EINTR && errno != EAGAIN)
			job_fail(FAILED_BROKEN, "%s", strerror(errno));
		bytes += sent > 0 ? sent : 0;
		left -= sent > 0 ? (size_t)sent : 0;
	}
	free(order.bytes);
}

/* Tells the head of the answer. What of the body came with it is left at the start of the buffer: its length. */
static size_t tell_head(struct receipt *receipt)
{
	size_t have = 0;
	uint8_t *end = NULL;
	while (end == NULL) {
		if (have == HEAD_BYTES_MAX)
			job_fail(FAILED_BROKEN, "sent a head of more than %d bytes", HEAD_BYTES_MAX);
		size_t more = receive(receipt, buffer + have, HEAD_BYTES_MAX - have);
		if (more == 0)
			job_fail(FAILED_BROKEN, "the connection was closed");
		have += more;
		end = memmem(buffer, have, "\r\n\r\n", 4);
	}
	size_t head = (size_t)(end - buffer) + 4;
	struct reply reply;
	reply_begin(&reply, REPLY_HEAD);
	reply_bytes(&reply, buffer, head);
	reply_send(&reply);
	memmove(buffer, buffer + head, have - head);
	return have - head;
}

/* What an earlier attempt left in the file. */
static void hash_file(struct receipt *receipt, uint64_t length)
{
	static uint8_t piece[BUFFER_BYTES];
	while (receipt->offset < length) {
		uint64_t left = length - receipt->offset;
		ssize_t have = pread(FD_RECEIVED, piece, left < BUFFER_BYTES ? (size_t)left : BUFFER_BYTES,
				     (off_t)receipt->offset);
		if (have <= 0)
			job_fail_errno(have < 0 ? errno : EINVAL, "read what there is of the blob");
		sha256_update(&receipt->hash, piece, (size_t)have);
		receipt->offset += (uint64_t)have;
	}
}

static void tell_progress(struct receipt *receipt)
{
	struct reply reply;
	reply_begin(&reply, REPLY_PROGRESS);
	reply_u64(&reply, receipt->offset);
	reply_send(&reply);
	receipt->told = receipt->offset;
}

static void keep(struct receipt *receipt, const uint8_t *bytes, size_t length)
{
	write_whole(FD_RECEIVED, bytes, length);
	sha256_update(&receipt->hash, bytes, length);
	receipt->offset += length;
	if (receipt->offset - receipt->told >= TELL_BYTES)
		tell_progress(receipt);
}

static void tell_received(struct receipt *receipt)
{
	uint8_t digest[SHA256_BYTES];
	sha256_final(&receipt->hash, digest);
	struct reply reply;
	reply_begin(&reply, REPLY_RECEIVED);
	reply_u64(&reply, receipt->offset);
	reply_bytes(&reply, digest, sizeof(digest));
	reply_send(&reply);
}

/* `have` bytes of it are in the buffer. */
static void take_body(struct receipt *receipt, size_t have)
{
	struct order order = {0};
	if (!order_next(&order) || order.kind != ORDER_TAKE)
		_exit(0);
	uint64_t skip = order_u64(&order), take = order_u64(&order), length = order_u64(&order);
	free(order.bytes);
	hash_file(receipt, length);
	receipt->told = receipt->offset;
	while (take > 0) {
		uint64_t skipped = skip < have ? skip : have, kept = have - skipped;
		skip -= skipped;
		kept = kept < take ? kept : take;
		keep(receipt, buffer + skipped, (size_t)kept);
		take -= kept;
		if (take == 0)
			break;
		have = receive(receipt, buffer, BUFFER_BYTES);
		if (have == 0)
			break;
	}
	tell_received(receipt);
}

_Noreturn void receive_run(char **arguments)
{
	struct receipt receipt = {.silence_ms = atoi(arguments[3]), .min_rate = strtoull(arguments[4], NULL, 10)};
	sha256_init(&receipt.hash);
	receipt.connection = connect_first(arguments[0], atoi(arguments[1]), atoi(arguments[2]));
	int confined = confine_rights();
	if (confined == 0)
		confined = confine_calls();
	if (confined < 0)
		job_fail_errno(-confined, "give up rights");
	ask(&receipt);
	take_body(&receipt, tell_head(&receipt));
	_exit(0);
}
