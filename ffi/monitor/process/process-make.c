#include <stdlib.h>

#include "monitor/monitor.h"

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
