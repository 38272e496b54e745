#ifndef CRIB_MONITOR_EMPTY_ROOT_H
#define CRIB_MONITOR_EMPTY_ROOT_H

#include <stdbool.h>

/*
 * Gives up the root, in a mount namespace that is the caller's own already, of which nothing else is left.
 * `with_procfs`: but a procfs of the caller's pid namespace as /proc.
 */
int empty_root_enter(bool with_procfs);

#endif
