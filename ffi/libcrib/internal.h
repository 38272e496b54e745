/* What the shim's files share: failure records and descriptors that close themselves. */
#ifndef CRIB_SHIM_INTERNAL_H
#define CRIB_SHIM_INTERNAL_H

#include "crib.h"

/* Fills `err` (which may be NULL) and returns -errnum, so that a caller writes `return crib_fail(...)`. */
int crib_fail(struct crib_err *err, int errnum, const char *step, const char *path);

/* Closes *fd when it is >= 0 and leaves errno alone. */
void crib_close_fd(int *fd);

/*
 * Runs `work` on a thread of its own and waits for it; 0 or an errno. For steps that change what belongs to a
 * thread (namespace, working directory): the thread ends with the change, the caller never has to find its way back.
 */
int crib_on_thread(void *(*work)(void *), void *argument);

/* As above, but without waiting for it; `work` owns and frees `argument`. */
int crib_detached_thread(void *(*work)(void *), void *argument);

#define cleanup_close __attribute__((cleanup(crib_close_fd)))

#endif
