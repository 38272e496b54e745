#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat */
#include <unistd.h>

#include "cleanup.h"
#include "monitor/monitor.h"

/*
 * What could not be written (a full disk, no descriptors) is written again, at first soon and then ever more seldom,
 * until it is there or the container is forgotten: whoever asks the monitor is told the exit meanwhile, but who comes
 * after a monitor that died has nothing else.
 */
#define FIRST_PAUSE_MS 50
#define LONGEST_PAUSE_MS 5000

/* "1 <code> <signal> <oom> <finished>\n", the first field being the version. */
#define RECORD_SIZE 64

static char *put_number(char *at, uint64_t value)
{
	char digits[20];
	int count = 0;
	do
		digits[count++] = (char)('0' + value % 10);
	while ((value /= 10) != 0);
	while (count > 0)
		*at++ = digits[--count];
	*at++ = ' ';
	return at;
}

static int write_synced(const char *name, const char *text, size_t length)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	int fd cleanup_fd = openat(monitor.exit_records, name, flags, 0600);
	if (fd < 0)
		return -errno;
	ssize_t written = write(fd, text, length);
	if (written != (ssize_t)length)
		return written < 0 ? -errno : -ENOSPC;
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_record(const struct process *process)
{
	char text[RECORD_SIZE];
	char *end = put_number(text, 1);
	end = put_number(end, process->exit_code);
	end = put_number(end, process->exit_signal);
	end = put_number(end, process->oom_killed ? 1 : 0);
	end = put_number(end, process->finished_ns);
	end[-1] = '\n';

	char temporary[ID_SIZE + 1] = ".";
	failure_text(temporary + 1, ID_SIZE, process->id);
	int written = write_synced(temporary, text, (size_t)(end - text));
	if (written < 0) {
		unlinkat(monitor.exit_records, temporary, 0);
		return written;
	}
	if (renameat(monitor.exit_records, temporary, monitor.exit_records, process->id) < 0)
		return -errno;
	return fsync(monitor.exit_records) < 0 ? -errno : 0;
}

/* When what is owed is tried again; 0: nothing is. */
static uint64_t due_ms;
static unsigned pause_ms;

void exit_record_put(struct process *process)
{
	process->record_owed = write_record(process) < 0;
	if (!process->record_owed || due_ms != 0)
		return;
	pause_ms = FIRST_PAUSE_MS;
	due_ms = monotonic_ms() + pause_ms;
	loop_wake_at(due_ms);
}

void exit_records_step(void)
{
	if (due_ms == 0)
		return;
	uint64_t now = monotonic_ms();
	if (now >= due_ms) {
		bool owed = false;
		for (struct process *process = monitor.processes; process != NULL; process = process->next) {
			if (process->record_owed)
				process->record_owed = write_record(process) < 0;
			owed |= process->record_owed;
		}
		pause_ms = pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
		due_ms = owed ? now + pause_ms : 0;
	}
	if (due_ms != 0)
		loop_wake_at(due_ms);
}

void exit_record_remove(const char *id)
{
	unlinkat(monitor.exit_records, id, 0);
}
