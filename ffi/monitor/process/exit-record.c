#include "monitor/process/exit-record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h> /* renameat */
#include <unistd.h>

#include "cleanup.h"
#include "monitor/loop/clock.h"

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

static int write_synced(int directory, const char *name, const char *text, size_t length)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	int fd cleanup_fd = openat(directory, name, flags, 0600);
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

	int directory = process->among->exit_records;
	char temporary[ID_SIZE + 1] = ".";
	failure_text(temporary + 1, ID_SIZE, process->id);
	int written = write_synced(directory, temporary, text, (size_t)(end - text));
	if (written < 0) {
		unlinkat(directory, temporary, 0);
		return written;
	}
	if (renameat(directory, temporary, directory, process->id) < 0)
		return -errno;
	return fsync(directory) < 0 ? -errno : 0;
}

static void try_again_at(struct processes *processes, uint64_t ms)
{
	processes->records_due_ms = ms;
	if (ms != 0)
		loop_wake_at(processes->server->loop, ms);
}

void exit_record_put(struct process *process)
{
	struct processes *processes = process->among;
	process->record_owed = write_record(process) < 0;
	if (!process->record_owed || processes->records_due_ms != 0)
		return;
	processes->records_pause_ms = FIRST_PAUSE_MS;
	try_again_at(processes, monotonic_ms() + FIRST_PAUSE_MS);
}

static bool write_owed(struct processes *processes)
{
	bool owed = false;
	for (struct process *process = processes->first; process != NULL; process = process->next) {
		if (process->record_owed)
			process->record_owed = write_record(process) < 0;
		owed |= process->record_owed;
	}
	return owed;
}

void exit_records_step(struct processes *processes)
{
	if (processes->records_due_ms == 0)
		return;
	uint64_t due = processes->records_due_ms;
	uint64_t now = monotonic_ms();
	if (now >= due) {
		unsigned pause = processes->records_pause_ms * 2;
		processes->records_pause_ms = pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS;
		due = write_owed(processes) ? now + processes->records_pause_ms : 0;
	}
	try_again_at(processes, due);
}

void exit_record_remove(const struct processes *processes, const char *id)
{
	unlinkat(processes->exit_records, id, 0);
}
