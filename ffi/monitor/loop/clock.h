#ifndef CRIB_MONITOR_CLOCK_H
#define CRIB_MONITOR_CLOCK_H

#include <stdint.h>

/* Since 1970. */
uint64_t now_ns(void);
/* For deadlines: nobody sets it. */
uint64_t monotonic_ms(void);

#endif
