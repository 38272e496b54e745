#ifndef CRIB_MONITOR_ATTACHMENT_H
#define CRIB_MONITOR_ATTACHMENT_H

#include "monitor/process/process.h"

/* Of this connection, or NULL. */
struct attachment *attachment_of(const struct processes *processes, const struct connection *connection);
bool attachment_any(const struct process *process);
/* Whether every attacher of this output has room for more. */
bool attachment_may_read(const struct process *process, int stream);
/* To all who read this output besides the log. */
void attachment_send(const struct process *process, int stream, const uint8_t *bytes, size_t length);
/* An attacher fell behind: from now on it is watched. */
void attachment_watch_stall(struct processes *processes);
/* `source` is the table's `stall`. */
void attachment_stall_tick(struct source *source, uint32_t events);

#endif
