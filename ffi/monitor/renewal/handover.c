#include "monitor/renewal/handover.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"

#define NUMBERS 14

/* The order is the format. */
static void collect(const struct monitor *monitor, const struct handover *handover, int64_t numbers[NUMBERS])
{
	const int64_t all[NUMBERS] = {
		handover->state,
		handover->executable,
		monitor->directory,
		monitor->processes.exit_records,
		monitor->host.root,
		monitor->host.mounts,
		monitor->host.procfs,
		monitor->sandbox.init_pid,
		monitor->sandbox.init_pidfd,
		monitor->sandbox.init_mounts,
		monitor->sandbox.user_namespace,
		monitor->host.inherited_oom_score,
		monitor->sandbox.set_up,
		(int64_t)monitor->sandbox.unshared,
	};
	memcpy(numbers, all, sizeof(all));
}

void handover_write(const struct monitor *monitor, const struct handover *handover, char text[HANDOVER_TEXT])
{
	int64_t numbers[NUMBERS];
	char *at = text;
	collect(monitor, handover, numbers);
	for (int i = 0; i < NUMBERS; i++) {
		if (i > 0)
			*at++ = ',';
		if (numbers[i] < 0)
			*at++ = '-';
		at += decimal_text((unsigned)(numbers[i] < 0 ? -numbers[i] : numbers[i]), at);
	}
}

static bool parse(const char *text, int64_t numbers[NUMBERS])
{
	for (int i = 0; i < NUMBERS; i++) {
		char *end;
		errno = 0;
		numbers[i] = strtol(text, &end, 10);
		if (end == text || errno != 0 || numbers[i] < INT32_MIN || numbers[i] > INT32_MAX)
			return false;
		/* More than these are a later monitor's. */
		if (*end != ',' && (*end != '\0' || i + 1 < NUMBERS))
			return false;
		text = end + 1;
	}
	return true;
}

bool handover_read(const char *text, struct monitor *monitor, struct handover *handover)
{
	int64_t numbers[NUMBERS];
	if (!parse(text, numbers))
		return false;
	const int64_t *at = numbers;
	handover->state = (int)*at++;
	handover->executable = (int)*at++;
	monitor->directory = (int)*at++;
	monitor->processes.exit_records = (int)*at++;
	monitor->host.root = (int)*at++;
	monitor->host.mounts = (int)*at++;
	monitor->host.procfs = (int)*at++;
	monitor->sandbox.init_pid = (pid_t)*at++;
	monitor->sandbox.init_pidfd = (int)*at++;
	monitor->sandbox.init_mounts = (int)*at++;
	monitor->sandbox.user_namespace = (int)*at++;
	monitor->host.inherited_oom_score = (int)*at++;
	monitor->sandbox.set_up = *at++ != 0;
	monitor->sandbox.unshared = (uint64_t)*at++;
	return true;
}

void handover_each_fd(struct monitor *monitor, struct handover *handover, void (*visit)(int *fd, void *with),
		      void *with)
{
	int *all[] = {
		&handover->state,
		&handover->executable,
		&monitor->directory,
		&monitor->processes.exit_records,
		&monitor->host.root,
		&monitor->host.mounts,
		&monitor->host.procfs,
		&monitor->sandbox.init_pidfd,
		&monitor->sandbox.init_mounts,
		&monitor->sandbox.user_namespace,
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		visit(all[i], with);
}
