#ifndef CRIB_INIT_OVERLAY_PAGE_H
#define CRIB_INIT_OVERLAY_PAGE_H

#include "init.h"

struct stage;

/* What mount(2) copies, where a page is no smaller; overlayfs's own bound of layers (OVL_MAX_STACK). */
#define OVERLAY_PAGE 4096
#define OVERLAY_LAYERS_MAX 500

/*
 * The overlay of a kernel before 6.7, where layers cannot be added one by one: by mount(2) and its page of options.
 * Paths of layers would fill that page at some thirty of them, so they are named by number. With `staged` the working
 * directory has them as "0", "1", …; otherwise it becomes /proc/self/fd, and "/" in the end.
 */
int overlay_by_page(struct stage *stage, const struct rootfs_step *step, bool staged);
/* The options, with layers under these names; -ENAMETOOLONG when they are more than a page. */
int overlay_page(char page[OVERLAY_PAGE], const int *layers, unsigned count, const struct rootfs_step *step);

#endif
