#ifndef CRIB_MONITOR_RESTORE_H
#define CRIB_MONITOR_RESTORE_H

#include "monitor/renewal/handover.h"

/*
 * The first part of a renewed monitor's life: takes the state over into `monitor`. What cannot be read, or watched, is
 * -errno, and nothing was changed that the executable before this one would miss. `leave_out`: there is none to go back
 * to, so whatever can be had is taken, and 0 is returned.
 */
int restore(struct monitor *monitor, struct handover *handover, bool leave_out);

/* Goes back to the executable that wrote the state. Returns only when that is not possible, -errno. */
int restore_go_back(const struct monitor *monitor, const struct handover *handover);

/*
 * crib-monitor check-state, with a state as descriptor 3: RESTORE_CHECKED when this executable can read it. Touches
 * nothing.
 */
#define RESTORE_CHECK "check-state"
#define RESTORE_CHECKED 77 /* which no other program ends with by chance */
int restore_check(void);

#endif
