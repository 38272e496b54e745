#include "monitor/whole/monitor.h"

#include "monitor/process/lifecycle.h"
#include "monitor/whole/build.h"

void monitor_make(struct monitor *monitor, const char *sandbox_id, const char *directory_path)
{
	*monitor = (struct monitor){
		.sandbox_id = sandbox_id,
		.directory_path = directory_path,
		.directory = -1,
		.loop.epoll = -1,
		.host = {.root = -1, .mounts = -1, .procfs = -1, .inherited_oom_score = INT32_MIN},
		.sandbox = {.host = &monitor->host, .init_pidfd = -1, .init_mounts = -1, .user_namespace = -1},
		.server = {.loop = &monitor->loop, .sandbox_id = sandbox_id, .build = monitor_build, .listener.fd = -1},
		.processes = {.server = &monitor->server,
			      .sandbox = &monitor->sandbox,
			      .exit_records = -1,
			      .launches.fd = -1,
			      .stall.fd = -1,
			      .on_started = process_started,
			      .on_output_ended = process_output_ended},
		.shutdown = {.processes = &monitor->processes, .deadline.fd = -1},
		.renewal.executable = -1,
		.children.fd = -1,
	};
}
