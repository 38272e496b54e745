#include "member.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "layers.h"
#include "xattrs.h"

#define PATH_BYTES_MAX 4095
#define NAME_BYTES_MAX 255
#define LATE_MAX 10000
#define DEVICE_MAJOR_MAX 0xfff
#define DEVICE_MINOR_MAX 0xfffff

/* Where a member goes; the texts are in `buffer`. */
struct place {
	struct name path;
	struct name parent;
	struct name base;
	char buffer[2 * PATH_BYTES_MAX + 2];
};

int name_compare(struct name a, struct name b)
{
	size_t common = a.length < b.length ? a.length : b.length;
	int order = memcmp(a.text, b.text, common);
	return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static const struct rewrite *rewrite_of(const struct applier *applier, struct name directory)
{
	size_t low = 0, high = applier->rewrite_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = name_compare(applier->rewrites[middle].from, directory);
		if (order == 0)
			return &applier->rewrites[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The deepest directory on the way that has another name below the stack's links decides. */
static void rewrite_place(const struct applier *applier, struct place *place)
{
	struct name prefix = place->parent;
	while (prefix.length > 0) {
		const struct rewrite *rewrite = rewrite_of(applier, prefix);
		if (rewrite != NULL) {
			size_t rest = place->path.length - prefix.length - (rewrite->to.length == 0);
			const char *from = prefix.text + prefix.length + (rewrite->to.length == 0);
			memmove(place->buffer + rewrite->to.length, from, rest);
			memcpy(place->buffer, rewrite->to.text, rewrite->to.length);
			place->path = (struct name){.text = place->buffer, .length = rewrite->to.length + rest};
			path_split(place->path, &place->parent, &place->base);
			return;
		}
		struct name base;
		path_split(prefix, &prefix, &base);
	}
}

static void place_of(const struct applier *applier, struct name name, struct place *into)
{
	if (name.length > PATH_BYTES_MAX)
		job_fail(FAILED_REFUSED, "a name is longer than %d bytes", PATH_BYTES_MAX);
	into->path = (struct name){.text = into->buffer, .length = path_clean(name.text, name.length, into->buffer)};
	path_split(into->path, &into->parent, &into->base);
	if (applier->rewrite_count > 0)
		rewrite_place(applier, into);
	if (into->base.length > NAME_BYTES_MAX)
		job_fail(FAILED_REFUSED, "a name is longer than %d bytes", NAME_BYTES_MAX);
}

static void set_metadata(struct tree *tree, struct inode *inode, const struct member *member)
{
	inode->mode = (inode->mode & S_IFMT) | member->mode;
	inode->uid = member->uid;
	inode->gid = member->gid;
	inode->mtime = member->mtime;
	inode->mtime_ns = member->mtime_ns;
	xattrs_apply(tree, inode, member);
}

/* Links `inode` under the place's name; an older member of that name gives way, its tree with it. */
static void put(struct tree *tree, const struct place *place, struct inode *inode)
{
	struct inode *parent = tree_directory(tree, place->parent);
	struct entry *old = tree_lookup(tree, parent, place->base);
	if (old != NULL) {
		tree_remove(tree, old);
		/* The way here may have led through what was removed. */
		parent = tree_directory(tree, place->parent);
	}
	tree_link(tree, parent, place->base, inode);
}

static void make_file(struct tree *tree, const struct place *place, const struct member *member)
{
	struct inode *inode = tree_new_inode(tree, S_IFREG);
	inode->size = member->size;
	inode->content = member->content;
	put(tree, place, inode);
	set_metadata(tree, inode, member);
}

static void count_name(struct tree *tree, uint64_t *total, size_t length)
{
	*total += length + 64;
	if (*total > tree->max_name_bytes)
		job_fail(FAILED_REFUSED, "it has too many directories");
}

static void make_directory(struct tree *tree, const struct place *place, const struct member *member)
{
	struct inode *parent = tree_directory(tree, place->parent);
	struct entry *found = tree_lookup(tree, parent, place->base);
	bool replaces_whiteout = found != NULL && is_whiteout(found->inode);
	struct inode *directory;
	if (found != NULL && is_directory(found->inode)) {
		directory = found->inode;
	} else {
		directory = tree_new_inode(tree, S_IFDIR);
		put(tree, place, directory);
		count_name(tree, &tree->named_name_bytes, place->path.length);
	}
	directory->implicit = false;
	directory->opaque = directory->opaque || replaces_whiteout;
	set_metadata(tree, directory, member);
}

static _Noreturn void refuse_link(const struct place *place, struct name link)
{
	job_fail(FAILED_REFUSED, "hard link %s names %s, which is no file of this layer",
		 quoted(place->path.text, place->path.length), quoted(link.text, link.length));
}

/* False when the target is not there. */
static bool link_target(struct applier *applier, const struct place *place, struct name link)
{
	static struct place target;
	struct tree *tree = applier->tree;
	place_of(applier, link, &target);
	if (target.base.length == 0)
		job_fail(FAILED_REFUSED, "%s is a hard link to the root", quoted(place->path.text, place->path.length));
	if (name_compare(target.path, place->path) == 0)
		job_fail(FAILED_REFUSED, "%s is a hard link to itself", quoted(place->path.text, place->path.length));
	/* Twice: what had the link's name before may have held the target, and is gone when the link is made. */
	struct entry *found = NULL;
	for (int turn = 0; turn < 2; turn++) {
		struct inode *from = &tree->root;
		int walked = tree_walk(tree, &from, target.parent);
		if (walked < 0 && walked != -ENOENT)
			refuse_link(place, link);
		found = walked < 0 ? NULL : tree_lookup(tree, from, target.base);
		/* The way to the link is made all the same: the directory kind of store has it by then. */
		struct inode *parent = tree_directory(tree, place->parent);
		if (found == NULL)
			return false;
		if (is_directory(found->inode))
			refuse_link(place, link);
		struct entry *old = tree_lookup(tree, parent, place->base);
		if (old == NULL)
			break;
		tree_remove(tree, old);
	}
	put(tree, place, found->inode);
	return true;
}

static void make_hardlink(struct applier *applier, const struct place *place, struct name link)
{
	if (link_target(applier, place, link))
		return;
	if (++applier->late_count > LATE_MAX)
		job_fail(FAILED_REFUSED, "more than %d hard links come before their targets", LATE_MAX);
	struct late_link *late = tree_allocate(applier->tree, sizeof(*late));
	late->next = NULL;
	late->path = (struct name){tree_text(applier->tree, place->path.text, place->path.length), place->path.length};
	late->link = (struct name){tree_text(applier->tree, link.text, link.length), link.length};
	*applier->late_end = late;
	applier->late_end = &late->next;
}

/* A name that a later member took stays that member's. */
static void make_late_links(struct applier *applier)
{
	static struct place place;
	for (const struct late_link *late = applier->late; late != NULL; late = late->next) {
		place.path = late->path;
		path_split(place.path, &place.parent, &place.base);
		struct inode *parent = tree_directory(applier->tree, place.parent);
		if (tree_lookup(applier->tree, parent, place.base) == NULL && !link_target(applier, &place, late->link))
			refuse_link(&place, late->link);
	}
}

static void drop_whiteouts(struct tree *tree, struct inode *directory)
{
	for (struct entry *at = directory->first, *next; at != NULL; at = next) {
		next = at->next;
		if (is_whiteout(at->inode))
			tree_remove(tree, at);
	}
}

static void drop_hidden_whiteouts(struct tree *tree)
{
	for (struct inode *at = &tree->root; at != NULL; at = tree_next_directory(at)) {
		/* Parents come first. */
		at->hidden = at->opaque || (at->self != NULL && at->self->directory->hidden);
		if (at->hidden)
			drop_whiteouts(tree, at);
	}
}

void members_end(struct applier *applier)
{
	make_late_links(applier);
	drop_hidden_whiteouts(applier->tree);
}

void applier_init(struct applier *applier, struct tree *tree, const struct rewrite *rewrites, size_t rewrite_count)
{
	*applier = (struct applier){.tree = tree, .rewrites = rewrites, .rewrite_count = rewrite_count};
	applier->late_end = &applier->late;
}

static void make_symlink(struct tree *tree, const struct place *place, const struct member *member)
{
	if (member->link.length == 0)
		job_fail(FAILED_DAMAGED, "symbolic link %s has no target",
			 quoted(place->path.text, place->path.length));
	if (member->link.length > PATH_BYTES_MAX)
		job_fail(FAILED_REFUSED, "a link's target is longer than %d bytes", PATH_BYTES_MAX);
	struct inode *inode = tree_new_inode(tree, S_IFLNK);
	inode->size = member->link.length;
	inode->target = tree_text(tree, member->link.text, member->link.length);
	put(tree, place, inode);
	set_metadata(tree, inode, member);
	inode->mode = S_IFLNK | 0777;
}

/* As the kernel's new_encode_dev() has it. */
static uint32_t encode_device(int64_t major, int64_t minor)
{
	return (uint32_t)((minor & 0xff) | major << 8 | (minor & ~INT64_C(0xff)) << 12);
}

static void make_node(struct tree *tree, const struct place *place, const struct member *member, uint32_t type)
{
	struct inode *inode = tree_new_inode(tree, type);
	if (type != S_IFIFO) {
		int64_t major = member->device_major, minor = member->device_minor;
		if (major < 0 || major > DEVICE_MAJOR_MAX || minor < 0 || minor > DEVICE_MINOR_MAX)
			job_fail(FAILED_REFUSED, "%s is the device %lld:%lld, which cannot be",
				 quoted(place->path.text, place->path.length), (long long)major, (long long)minor);
		inode->device = encode_device(major, minor);
	}
	put(tree, place, inode);
	/* 0:0 is overlayfs's own whiteout, archived by a builder from an upper directory: it is one here, too. */
	if (!is_whiteout(inode))
		set_metadata(tree, inode, member);
}

static void make_member(struct applier *applier, const struct place *place, const struct member *member)
{
	struct tree *tree = applier->tree;
	switch (member->kind) {
	case MEMBER_FILE:
		make_file(tree, place, member);
		return;
	case MEMBER_DIRECTORY:
		make_directory(tree, place, member);
		return;
	case MEMBER_HARDLINK:
		make_hardlink(applier, place, member->link);
		return;
	case MEMBER_SYMLINK:
		make_symlink(tree, place, member);
		return;
	case MEMBER_CHARACTER:
		make_node(tree, place, member, S_IFCHR);
		return;
	case MEMBER_BLOCK:
		make_node(tree, place, member, S_IFBLK);
		return;
	case MEMBER_FIFO:
		make_node(tree, place, member, S_IFIFO);
		return;
	}
}

/* A whiteout never hides what its own layer brings, in whichever order they come (layer.md, "Whiteouts"). */
static void make_whiteout(struct tree *tree, struct inode *parent, struct name hidden)
{
	struct entry *found = tree_lookup(tree, parent, hidden);
	if (found == NULL) {
		/* Modes and times of whiteouts have no meaning: overlayfs looks at the type and the number. */
		tree_link(tree, parent, hidden, tree_new_inode(tree, S_IFCHR));
	} else if (is_directory(found->inode)) {
		found->inode->opaque = true;
	}
}

static bool is_prefix(struct name name, const char *prefix)
{
	return name.length >= strlen(prefix) && memcmp(name.text, prefix, strlen(prefix)) == 0;
}

static bool is_text(struct name name, const char *text)
{
	return name.length == strlen(text) && memcmp(name.text, text, name.length) == 0;
}

/* Whether the member was a whiteout of some kind, and is dealt with. */
static bool apply_whiteout(struct tree *tree, const struct place *place)
{
	if (!is_prefix(place->base, ".wh."))
		return false;
	if (is_text(place->base, ".wh..wh..opq")) {
		tree_directory(tree, place->parent)->opaque = true;
		return true;
	}
	/* Bookkeeping of the aufs driver. */
	if (is_prefix(place->base, ".wh..wh."))
		return true;
	struct name hidden = {.text = place->base.text + 4, .length = place->base.length - 4};
	if (hidden.length == 0 || is_text(hidden, ".") || is_text(hidden, ".."))
		job_fail(FAILED_REFUSED, "whiteout %s names no file", quoted(place->base.text, place->base.length));
	make_whiteout(tree, tree_directory(tree, place->parent), hidden);
	return true;
}

void member_apply(void *context, const struct member *member)
{
	static struct place place;
	struct applier *applier = context;
	struct tree *tree = applier->tree;
	place_of(applier, member->name, &place);
	if (place.base.length == 0) {
		if (member->kind != MEMBER_DIRECTORY)
			job_fail(FAILED_REFUSED, "its root is not a directory");
		tree->root_seen = true;
		set_metadata(tree, &tree->root, member);
		return;
	}
	if (!apply_whiteout(tree, &place))
		make_member(applier, &place, member);
}
