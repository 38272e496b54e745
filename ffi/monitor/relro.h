#ifndef CRIB_MONITOR_RELRO_H
#define CRIB_MONITOR_RELRO_H

/* What had to be written once to relocate the program is read-only from here on. */
int relro_protect(void);

#endif
