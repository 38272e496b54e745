#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hello.h"

/* The same limit under its names in cgroup v2 and v1, as a container with a cgroup namespace sees them. */
static const char *first_line_of(const char *v2, const char *v1)
{
	const char *line = read_line(v2, NULL);
	return line != NULL ? line : read_line(v1, NULL);
}

static void show_memory(void)
{
	const char *limit = first_line_of("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes");
	if (limit == NULL)
		return;
	label("memory");
	if (strcmp(limit, "max") == 0)
		printf("unlimited");
	else
		print_size(strtoull(limit, NULL, 10));
	printf("\n");
}

static void show_quota(long long quota, long long period)
{
	if (quota > 0 && period > 0)
		printf(", quota %lld.%02lld", quota / period, quota % period * 100 / period);
	else
		printf(", no quota");
}

static void show_cpu(void)
{
	cpu_set_t cpus;
	long long quota = -1;
	long long period = 0;
	const char *line = read_line("/sys/fs/cgroup/cpu.max", NULL);
	label("cpu");
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		printf("%d usable", CPU_COUNT(&cpus));
	if (line != NULL) {
		if (sscanf(line, "%lld %lld", &quota, &period) == 2 || strncmp(line, "max", 3) == 0)
			show_quota(quota, period);
	} else if ((line = read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", NULL)) != NULL) {
		quota = strtoll(line, NULL, 10);
		line = read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", NULL);
		show_quota(quota, line == NULL ? 0 : strtoll(line, NULL, 10));
	}
	printf("\n");
}

static void show_processes(void)
{
	const char *limit = first_line_of("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max");
	if (limit == NULL)
		return;
	label("processes");
	printf("at most %s\n", strcmp(limit, "max") == 0 ? "what the host allows" : limit);
}

void show_limits(void)
{
	show_cpu();
	show_memory();
	show_processes();
	const char *group = read_line("/proc/self/cgroup", NULL);
	const char *path = group == NULL ? NULL : strrchr(group, ':');
	if (path != NULL) {
		label("cgroup");
		printf("%s\n", path + 1);
	}
}
