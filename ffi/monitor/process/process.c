#include "monitor/process/process.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

struct process *process_find(const struct processes *processes, const char *id)
{
	struct process *process = processes->first;
	while (process != NULL && strcmp(process->id, id) != 0)
		process = process->next;
	return process;
}

struct process *process_by_pid(const struct processes *processes, pid_t pid)
{
	struct process *process = processes->first;
	while (process != NULL && (process->pid != pid || process->state == PROCESS_EXITED))
		process = process->next;
	return process;
}

struct process *process_make(const char *id)
{
	struct process *process = calloc(1, sizeof(*process));
	if (process == NULL)
		return NULL;
	failure_text(process->id, sizeof(process->id), id);
	process->pidfd = process->report_peer = process->errors.fd = process->report.fd = process->input.source.fd =
		process->log.fd = -1;
	process->stdio[0] = process->stdio[1] = process->stdio[2] = -1;
	for (int i = 0; i < 2; i++) {
		process->outputs[i].source.fd = -1;
		process->outputs[i].stream = i + 1;
	}
	return process;
}

pid_t process_born(const struct process *process)
{
	return process->note == NULL ? 0 : process->note->born;
}

void process_kill(const struct process *process)
{
	/* Not reaped yet, so no number can belong to anybody else. */
	if (process->pidfd >= 0)
		sys_pidfd_send_signal(process->pidfd, SIGKILL);
	kill(process->pid, SIGKILL);
	kill(-process->pid, SIGKILL);
	if (process_born(process) != 0)
		kill(process_born(process), SIGKILL);
}

const struct host *process_host(const struct process *process)
{
	return process->among->sandbox->host;
}

struct loop *process_loop(const struct process *process)
{
	return process->among->server->loop;
}
