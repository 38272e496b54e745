#ifndef CRIB_CONTAINER_OF_H
#define CRIB_CONTAINER_OF_H

#include <stddef.h>

/* The structure that `pointer`'s is the member of. */
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
