#include "monitor/process/launch-deadline.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "container-of.h"
#include "monitor/loop/clock.h"
#include "monitor/process/birth.h"
#include "monitor/process/report.h"
#include "monitor/transport/reply.h"

/* How often launches that have not ended are looked at. */
#define TICK_MS 50
/* A daemon that says nothing gets its answer before the kubelet, which waits two minutes, has given up. */
#define DEFAULT_MS 100000

static void set_timer(struct processes *processes, unsigned milliseconds)
{
	long nanoseconds = (long)milliseconds * 1000000;
	struct itimerspec timer = {.it_value.tv_nsec = nanoseconds, .it_interval.tv_nsec = nanoseconds};
	timerfd_settime(processes->launches.fd, 0, &timer, NULL);
	processes->launches_ticking = milliseconds > 0;
}

void launch_deadline_set(struct process *process, uint32_t milliseconds)
{
	process->deadline_ms = monotonic_ms() + (milliseconds == 0 ? DEFAULT_MS : milliseconds);
	if (!process->among->launches_ticking)
		set_timer(process->among, TICK_MS);
}

/*
 * It is killed, and the client is told at once: the death of a process that hangs in the kernel may take as long as
 * what it hangs on. The rest of the monitor's for it goes when it is reaped; its name is free again.
 */
static void give_up(struct process *process)
{
	struct failure failure = {.step = 0};
	if (process->note != NULL) {
		failure.step = process->note->step;
		failure.index = process->note->index;
	}
	failure_set(&failure, -ETIMEDOUT, "took too long and was killed", "");
	process_kill(process);
	if (process->client != NULL)
		reply_failure(process->client, process->request, &failure);
	process->client = NULL;
	process->failed = true;
	process->id[0] = '\0';
	report_end(process);
	source_close(&process->errors);
	for (int i = 0; i < 3; i++)
		close_and_clear(&process->stdio[i]);
	log_close(&process->log);
	process->deadline_ms = UINT64_MAX;
}

void launch_deadline_tick(struct source *source, uint32_t events)
{
	(void)events;
	struct processes *processes = container_of(source, struct processes, launches);
	uint64_t ticks;
	if (read(source->fd, &ticks, sizeof(ticks)) < 0)
		return;
	bool starting = false;
	uint64_t now = monotonic_ms();
	for (struct process *process = processes->first; process != NULL; process = process->next) {
		if (process->state != PROCESS_STARTING || process->deadline_ms == UINT64_MAX)
			continue;
		if (now >= process->deadline_ms)
			give_up(process);
		else
			birth_look(process);
		starting |= process->state == PROCESS_STARTING && process->deadline_ms != UINT64_MAX;
	}
	if (!starting)
		set_timer(processes, 0);
}
