#include "check.h"
#include "job.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct crib_jobs *jobs;
static int replies;

static void read_whole(void *into, size_t length)
{
	for (uint8_t *at = into; length > 0;) {
		struct pollfd wait = {.fd = replies, .events = POLLIN};
		CHECK(poll(&wait, 1, 30000) == 1);
		ssize_t got = read(replies, at, length);
		CHECK(got > 0);
		at += got;
		length -= (size_t)got;
	}
}

static struct job_reply_head reply_into(uint8_t *bytes, size_t capacity)
{
	struct job_reply_head head;
	read_whole(&head, sizeof(head));
	CHECK(head.length <= capacity);
	read_whole(bytes, head.length);
	return head;
}

static size_t operation(uint8_t *into, uint32_t kind, uint32_t first, const char *path)
{
	uint32_t head[6] = {kind, first, 0, (uint32_t)strlen(path) + 1, 0, 0};
	memcpy(into, head, sizeof(head));
	memcpy(into + sizeof(head), path, head[3]);
	return sizeof(head) + head[3];
}

/* Nobody answers an NLMSG_NOOP: it keeps its thread for as long as it is told to wait. */
static int start_waiting(int fd, uint32_t timeout_ms)
{
	struct nlmsghdr noop = {.nlmsg_len = sizeof(noop), .nlmsg_type = NLMSG_NOOP, .nlmsg_seq = 1};
	uint32_t head[4] = {1, 1, 1, timeout_ms};
	uint8_t request[sizeof(head) + sizeof(noop)];
	memcpy(request, head, sizeof(head));
	memcpy(request + sizeof(head), &noop, sizeof(noop));
	return crib_jobs_start(jobs, CRIB_JOB_NETLINK, request, sizeof(request), &fd, 1);
}

static void a_list_ends_with_what_is_not_expected(void)
{
	char path[] = "/tmp/crib-jobs-XXXXXX";
	CHECK(mkdtemp(path) != NULL);
	uint8_t request[512], bytes[64];
	size_t length = operation(request, 2, 0, path);
	length += operation(request + length, 2, 0, path);
	length += operation(request + length, 1, 0755, path);
	int id = crib_jobs_start(jobs, CRIB_JOB_FILES, request, length, NULL, 0);
	struct job_reply_head head = reply_into(bytes, sizeof(bytes));
	int32_t outcomes[4];
	CHECK(id > 0 && head.id == (uint32_t)id && head.result == 0 && head.length == sizeof(outcomes));
	memcpy(outcomes, bytes, sizeof(outcomes));
	CHECK(outcomes[0] == 0 && outcomes[2] == -ENOENT);
	CHECK(access(path, F_OK) < 0);
}

static void a_request_that_is_cut_short_is_refused(void)
{
	uint8_t request[512], bytes[64];
	size_t whole = operation(request, 5, 1, "/");
	for (size_t length = 1; length < whole; length++) {
		CHECK(crib_jobs_start(jobs, CRIB_JOB_FILES, request, length, NULL, 0) > 0);
		CHECK(reply_into(bytes, sizeof(bytes)).result == -EINVAL);
	}
}

/* With as many that hang as there are threads, what follows waits, and can be taken back. */
static void what_waits_in_the_queue_is_cancelled(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	CHECK(fd >= 0);
	int first = start_waiting(fd, 2000), second = start_waiting(fd, 2000), third = start_waiting(fd, 2000);
	/* Each has a copy. */
	close(fd);
	CHECK(crib_jobs_cancel(jobs, (uint32_t)third) == 1);
	CHECK(crib_jobs_cancel(jobs, (uint32_t)third) == 0);
	uint8_t bytes[64];
	struct job_reply_head one = reply_into(bytes, sizeof(bytes)), other = reply_into(bytes, sizeof(bytes));
	CHECK(one.result == -ETIMEDOUT && other.result == -ETIMEDOUT);
	CHECK(one.id + other.id == (uint32_t)(first + second));
	CHECK(crib_jobs_cancel(jobs, (uint32_t)first) == 0);
}

static void what_is_no_job_is_refused(void)
{
	int32_t closed = 12345;
	CHECK(crib_jobs_start(jobs, 99, (const uint8_t *)"", 0, NULL, 0) == -EINVAL);
	CHECK(crib_jobs_start(jobs, CRIB_JOB_FILES, (const uint8_t *)"", 0, &closed, 1) == -EBADF);
	CHECK(crib_jobs_start(jobs, CRIB_JOB_FILES, (const uint8_t *)"", 0, &closed, CRIB_JOB_FDS + 1) == -EINVAL);
}

int main(void)
{
	replies = crib_jobs_open(2, &jobs);
	CHECK(replies >= 0);
	a_list_ends_with_what_is_not_expected();
	a_request_that_is_cut_short_is_refused();
	what_waits_in_the_queue_is_cancelled();
	what_is_no_job_is_refused();
	return 0;
}
