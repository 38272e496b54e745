/* Applies an archive's members to a tree, by the rules of src/layers/tree/layer-writer.ts. */
#ifndef CRIB_MEMBER_H
#define CRIB_MEMBER_H

#include "tar.h"
#include "tree.h"

/* A directory that the archive implies and that is a link in the layers below: where what is in it belongs. */
struct rewrite {
	struct name from;
	struct name to;
};

/* A hard link that came before its target. */
struct late_link {
	struct late_link *next;
	struct name path;
	struct name link;
};

struct applier {
	struct tree *tree;
	struct late_link *late;
	struct late_link **late_end;
	unsigned late_count;
	const struct rewrite *rewrites; /* sorted by `from` */
	size_t rewrite_count;
};

void applier_init(struct applier *applier, struct tree *tree, const struct rewrite *rewrites, size_t rewrite_count);
void member_apply(void *applier, const struct member *member);
/* After the last member: late hard links, and whiteouts below what is opaque, which hide nothing. */
void members_end(struct applier *applier);

int name_compare(struct name a, struct name b);

#endif
