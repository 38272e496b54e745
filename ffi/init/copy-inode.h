#ifndef CRIB_INIT_COPY_INODE_H
#define CRIB_INIT_COPY_INODE_H

#include <sys/stat.h>

/*
 * Makes `name` of `from` anew in `to`: content with its holes, owner, mode, extended attributes and times. Not for
 * directories. `what` is set to the call that failed. -errno.
 */
int copy_inode(int from, int to, const char *name, const struct stat *stat, const char **what);
/* All of a directory but its content, from one descriptor to the other; last, since what is made inside changes it. */
int copy_directory_attributes(int from, int to, const struct stat *stat, const char **what);

#endif
