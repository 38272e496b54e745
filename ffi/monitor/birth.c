#include <sys/mman.h>

#include "cleanup.h"
#include "init.h"
#include "kernel.h"
#include "monitor.h"

/* A page of its own: everything in it is the stage's to write. */
#define NOTE_SIZE 4096

struct launch_note *birth_note_make(void)
{
	void *note = mmap(NULL, NOTE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (note == MAP_FAILED)
		return NULL;
	/* The stage has it; whoever is born of the stage has not. */
	return note;
}

void birth_note_free(struct process *process)
{
	if (process->note != NULL)
		munmap(process->note, NOTE_SIZE);
	process->note = NULL;
}

struct process *birth_of(pid_t pid)
{
	struct process *process = monitor.processes;
	while (process != NULL && (process->note == NULL || process->note->born != pid))
		process = process->next;
	return process;
}

void birth_ended(struct process *process, int code, int signal_number)
{
	process->born_dead = true;
	process->born_code = (uint8_t)code;
	process->born_signal = (uint8_t)signal_number;
}

/*
 * The stage sleeps until the last process has its program or is gone, so by now it has either said on its pipe what
 * went wrong or nothing did. The pipe is read once and never waited for: others inside may hold it, or have written to
 * it.
 */
bool birth_take_over(struct process *process)
{
	pid_t born = process->note == NULL ? 0 : process->note->born;
	if (born == 0)
		return false;
	report_end(process);
	report_take_error(process);
	birth_note_free(process);
	process->pid = born;
	close_and_clear(&process->pidfd);
	if (!process->born_dead)
		process->pidfd = sys_pidfd_open(born);
	if (!process->born_dead && process->pidfd < 0 && !process->failed) {
		process->failed = true;
		failure_set(&process->failure, process->pidfd, "pidfd_open", process->id);
	}
	if (!process->failed)
		process_started(process);
	else if (!process->born_dead)
		process_kill(process);
	if (process->born_dead)
		process_exited(process, process->born_code, process->born_signal);
	return true;
}
