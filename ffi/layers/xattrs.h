#ifndef CRIB_XATTRS_H
#define CRIB_XATTRS_H

#include "tar.h"
#include "tree.h"

/* Sets those that a layer may bring; the mode follows an access list, as the kernel has it. */
void xattrs_apply(struct tree *tree, struct inode *inode, const struct member *member);

#endif
