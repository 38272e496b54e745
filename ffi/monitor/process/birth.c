#include "monitor/process/birth.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "container-of.h"
#include "kernel.h"
#include "monitor/process/report.h"

/* A page of its own: everything in it is the stage's to write, and who is born of the stage does not have it. */
#define NOTE_SIZE 4096

int birth_note_make(struct process *process)
{
	void *note = mmap(NULL, NOTE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (note == MAP_FAILED)
		return -errno;
	process->note = note;
	return 0;
}

void birth_note_free(struct process *process)
{
	if (process->note != NULL)
		munmap(process->note, NOTE_SIZE);
	process->note = NULL;
}

struct process *birth_of(const struct processes *processes, pid_t pid)
{
	struct process *process = processes->first;
	while (process != NULL && process_born(process) != pid)
		process = process->next;
	return process;
}

void birth_take_over(struct process *process, bool dead)
{
	process->pid = process_born(process);
	process->born = true;
	birth_note_free(process);
	close_and_clear(&process->pidfd);
	if (dead)
		return;
	process->pidfd = sys_pidfd_open(process->pid);
	if (process->pidfd >= 0)
		return;
	/* What cannot be held cannot be signalled later. */
	if (!process->failed)
		failure_set(&process->failure, process->pidfd, "pidfd_open", process->id);
	process->failed = true;
	process_kill(process);
}

/* Whether the program is another than ours. */
static bool has_run(const struct process *process)
{
	int ours cleanup_fd = open_of_process(process_host(process), getpid(), "/exe", O_PATH);
	int theirs cleanup_fd = open_of_process(process_host(process), process->pid, "/exe", O_PATH);
	struct stat one;
	struct stat other;
	/* One that is dying has no program any more, and is reaped in a moment. */
	if (ours < 0 || theirs < 0 || fstat(ours, &one) < 0 || fstat(theirs, &other) < 0)
		return false;
	return one.st_dev != other.st_dev || one.st_ino != other.st_ino;
}

/*
 * What comes through the pipe may be anybody's inside who was able to take it from the process: a failure is believed,
 * since it costs the sender only a process it could have killed, and nothing else is. The end of it means that the
 * stage and the process are done with it, by execve or by death.
 */
void birth_hear(struct source *source, uint32_t events)
{
	(void)events;
	struct process *process = container_of(source, struct process, errors);
	bool ended = report_take_error(process);
	if (process->state != PROCESS_STARTING)
		return;
	if (process_born(process) != 0)
		birth_take_over(process, false);
	if (process->born && process->failed)
		process_kill(process);
	else if (process->born && ended)
		process->among->on_started(process);
}

/* A process that keeps the pipe open does not hold up the launch. */
void birth_look(struct process *process)
{
	if (process->born && !process->failed && has_run(process))
		process->among->on_started(process);
}
