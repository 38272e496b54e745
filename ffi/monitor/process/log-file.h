#ifndef CRIB_MONITOR_LOG_FILE_H
#define CRIB_MONITOR_LOG_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor/process/cri-log.h"
#include "monitor/sandbox/host.h"

struct log_file {
	int fd;    /* -1: output is read and dropped */
	bool torn; /* the last record could not be finished or removed: the next starts on a line of its own */
	uint64_t dropped_bytes;
	char *path;
};

int log_open(struct log_file *log, const struct host *host, const char *path);
int log_reopen(struct log_file *log, const struct host *host);
void log_write(struct log_file *log, int stream, const struct cri_piece *pieces, int count);
void log_close(struct log_file *log);

#endif
