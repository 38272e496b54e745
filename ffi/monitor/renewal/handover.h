#ifndef CRIB_MONITOR_HANDOVER_H
#define CRIB_MONITOR_HANDOVER_H

#include "monitor/whole/monitor.h"

/*
 * What a renewed monitor is called with, after the arguments of every monitor:
 *
 *   crib-monitor <sandbox id> <directory> renewed|returned <numbers>
 *
 * The numbers are what it cannot serve without: no damage to the rest of its state reaches them. New ones are added at
 * the end; a monitor keeps its own defaults for those that are not there.
 */
#define HANDOVER_RENEWED "renewed"
/* The other executable could not go on, so the one before it does. */
#define HANDOVER_RETURNED "returned"
#define HANDOVER_ARGUMENTS 5
#define HANDOVER_TEXT 256

struct handover {
	int state;      /* a memfd with the rest */
	int executable; /* of the monitor that wrote it */
};

/* Writes the numbers of `handover` and of `monitor`. */
void handover_write(const struct monitor *monitor, const struct handover *handover, char text[HANDOVER_TEXT]);
/* False for what no monitor writes; nothing is changed then. */
bool handover_read(const char *text, struct monitor *monitor, struct handover *handover);
/* Calls `visit` for the place of each descriptor among the numbers, -1 included. */
void handover_each_fd(struct monitor *monitor, struct handover *handover, void (*visit)(int *fd, void *with),
		      void *with);

#endif
