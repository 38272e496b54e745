#include "monitor/process/attachment.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "container-of.h"
#include "monitor/loop/clock.h"
#include "monitor/transport/connection.h"
#include "monitor/transport/send.h"

/*
 * An attacher that is behind holds up the container, so that nothing is lost on the way to it. One that takes nothing
 * at all for STALL_MS is cut off: no client may stop a workload for ever.
 */
#define STALL_MS 10000
#define TICK_SECONDS 1

struct attachment *attachment_of(const struct processes *processes, const struct connection *connection)
{
	struct attachment *attachment = processes->attachments;
	while (attachment != NULL && attachment->client != connection)
		attachment = attachment->next;
	return attachment;
}

bool attachment_any(const struct process *process)
{
	const struct attachment *attachment = process->among->attachments;
	while (attachment != NULL && attachment->process != process)
		attachment = attachment->next;
	return attachment != NULL;
}

static bool wants(const struct attachment *attachment, const struct process *process, int stream)
{
	return attachment->process == process && attachment->outputs[stream - 1];
}

bool attachment_may_read(const struct process *process, int stream)
{
	for (const struct attachment *at = process->among->attachments; at != NULL; at = at->next) {
		if (!wants(at, process, stream) || connection_has_room(at->client))
			continue;
		attachment_watch_stall(process->among);
		return false;
	}
	return true;
}

void attachment_send(const struct process *process, int stream, const uint8_t *bytes, size_t length)
{
	for (const struct attachment *at = process->among->attachments; at != NULL; at = at->next) {
		if (wants(at, process, stream))
			connection_send_bytes(at->client, bytes, length);
	}
}

static void tick_every(struct processes *processes, time_t seconds)
{
	processes->stall_ticking = seconds > 0;
	struct itimerspec timer = {.it_interval.tv_sec = seconds, .it_value.tv_sec = seconds};
	timerfd_settime(processes->stall.fd, 0, &timer, NULL);
}

void attachment_watch_stall(struct processes *processes)
{
	if (!processes->stall_ticking)
		tick_every(processes, TICK_SECONDS);
}

void attachment_stall_tick(struct source *source, uint32_t events)
{
	(void)events;
	struct processes *processes = container_of(source, struct processes, stall);
	uint64_t ticks;
	(void)!read(source->fd, &ticks, sizeof(ticks));
	uint64_t now = monotonic_ms();
	bool behind = false;
	struct attachment *next;
	for (struct attachment *attachment = processes->attachments; attachment != NULL; attachment = next) {
		/* Closing frees this one and no other. */
		next = attachment->next;
		if (!attachment->client->paused)
			continue;
		if (now - attachment->client->progress_ms >= STALL_MS)
			connection_close(attachment->client);
		else
			behind = true;
	}
	if (!behind)
		tick_every(processes, 0);
}
