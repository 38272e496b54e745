#ifndef CRIB_CONNECT_H
#define CRIB_CONNECT_H

/* A connected TCP socket that does not block, to the first of `addresses` (numeric, with commas between) that accepts.
 */
int connect_first(const char *addresses, int port, int timeout_ms);

#endif
