#ifndef CRIB_CLEANUP_H
#define CRIB_CLEANUP_H

#include <errno.h>
#include <unistd.h>

/* Closes a descriptor when its variable leaves scope; errno survives, so a return of -errno stays true. */
static inline void cleanup_close(const int *fd)
{
	if (*fd < 0)
		return;
	int saved = errno;
	close(*fd);
	errno = saved;
}

#define cleanup_fd __attribute__((cleanup(cleanup_close)))

/* Hands the descriptor to the caller: the cleanup then finds -1. */
static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

static inline void close_and_clear(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#endif
