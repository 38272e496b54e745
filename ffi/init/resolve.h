#ifndef CRIB_INIT_RESOLVE_H
#define CRIB_INIT_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Paths inside a root that an image or another container may be changing meanwhile. Nothing here follows a link out of
 * the root or a magic link, joins strings, or trusts a name twice: the descriptor that comes back is the thing.
 * All return a descriptor or -errno.
 */

/* Opens `path` as if `root` were "/". `also` adds RESOLVE_* flags. */
int resolve_open(int root, const char *path, int flags, uint64_t also);

enum resolve_kind { RESOLVE_DIRECTORY, RESOLVE_FILE };

/*
 * O_PATH of `path`, made when it is missing, with its parents (0755, an empty file 0644). A link that points to
 * nothing yet is followed inside the root, so that /var/run -> /run works before /run exists.
 */
int resolve_create(int root, const char *path, enum resolve_kind kind);

/*
 * O_PATH of the directory that holds the last component, made when missing; *name points at that component in `path`.
 * -EINVAL when the path has no last name ("/", "a/..").
 */
int resolve_parent(int root, const char *path, const char **name);

#endif
