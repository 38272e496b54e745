/* Requests of netlink and their answers: the kernel works on them under locks of the whole machine (rtnl, nftables'
 * commit), which a namespace that is taken down holds for tens of milliseconds. */
#include "job.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { datagram_bytes = 64 * 1024, most_reply = 64 * 1024 * 1024 };

/* Before the datagram. The answer is whole with NLMSG_DONE or NLMSG_ERROR of number `last`, an NLMSG_ERROR of `other`,
 * or any failure of a `dump`. Written by TypeScript by offset. */
struct exchange_head {
	uint32_t first, last, other, timeout_ms;
};

static int is_last(const struct nlmsghdr *message, const struct exchange_head *head)
{
	if (message->nlmsg_type == NLMSG_DONE)
		return message->nlmsg_seq == head->last;
	return message->nlmsg_type == NLMSG_ERROR &&
	       (message->nlmsg_seq == head->last || message->nlmsg_seq == head->other);
}

/* Stale answers, of a request that was given up, are left out. 1: it is whole. */
static int keep(struct job_reply *reply, const uint8_t *bytes, size_t length, const struct exchange_head *head)
{
	int whole = 0;
	for (size_t at = 0; at + sizeof(struct nlmsghdr) <= length;) {
		struct nlmsghdr message;
		memcpy(&message, bytes + at, sizeof(message));
		if (message.nlmsg_len < sizeof(message) || message.nlmsg_len > length - at)
			return -EBADMSG;
		size_t size = NLMSG_ALIGN(message.nlmsg_len);
		if (size > length - at)
			size = length - at;
		if (message.nlmsg_seq >= head->first && message.nlmsg_seq <= head->last) {
			int failed = job_reply_add(reply, bytes + at, size);
			if (failed < 0)
				return failed;
			whole |= is_last(&message, head);
		}
		at += size;
	}
	return whole;
}

int job_netlink(const struct job *job, struct job_reply *reply)
{
	struct exchange_head head;
	if (job->length < sizeof(head))
		return -EINVAL;
	memcpy(&head, job->request, sizeof(head));
	int fd = job->descriptors[0];
	ssize_t sent;
	do {
		sent = send(fd, job->request + sizeof(head), job->length - sizeof(head), MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	uint8_t datagram[datagram_bytes];
	for (int whole = 0; whole == 0;) {
		int got = crib_receive(fd, datagram, sizeof(datagram), (int)head.timeout_ms);
		if (got < 0)
			return got;
		whole = keep(reply, datagram, (size_t)got, &head);
		if (whole < 0)
			return whole;
		if (reply->length > most_reply)
			return -EMSGSIZE;
	}
	return 0;
}

/* Answers with the descriptor of a netlink socket of the namespace, bound and told to explain its refusals. */
int job_socket(const struct job *job, struct job_reply *reply)
{
	(void)reply;
	uint32_t protocol;
	if (job->length != sizeof(protocol))
		return -EINVAL;
	memcpy(&protocol, job->request, sizeof(protocol));
	/* On a thread that ends: were the way back to fail, all jobs after this would be done in a pod's namespace. */
	cleanup_close int fd = crib_socket_in(job->descriptors[0], AF_NETLINK, SOCK_RAW, (int)protocol, NULL);
	if (fd < 0)
		return fd;
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	int on = 1;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) < 0)
		return -errno;
	int result = fd;
	fd = -1;
	return result;
}
