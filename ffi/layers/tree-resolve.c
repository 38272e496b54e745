/*
 * How a member's parent directory is found: as openat2(2) finds it in the directory kind of store, by RESOLVE_IN_ROOT,
 * so that both kinds hold the same tree. Links lead nowhere but inside the tree: there is nothing else here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "layers.h"
#include "tree.h"

#define LINKS_MAX 40
#define NAME_BYTES_MAX 255
#define PATH_BYTES_MAX 4095

static int walk(struct tree *tree, struct inode **at, struct name path, int *links);

static int step(struct tree *tree, struct inode **at, struct name part, int *links)
{
	if (part.length == 0 || (part.length == 1 && part.text[0] == '.'))
		return 0;
	if (part.length == 2 && part.text[0] == '.' && part.text[1] == '.') {
		if ((*at)->self != NULL)
			*at = (*at)->self->directory;
		return 0;
	}
	if (part.length > NAME_BYTES_MAX)
		return -ENAMETOOLONG;
	struct entry *found = tree_lookup(tree, *at, part);
	if (found == NULL)
		return -ENOENT;
	if (is_link(found->inode)) {
		if (++*links > LINKS_MAX)
			return -ELOOP;
		return walk(tree, at, (struct name){.text = found->inode->target, .length = found->inode->size}, links);
	}
	if (!is_directory(found->inode))
		return -ENOTDIR;
	*at = found->inode;
	return 0;
}

/* As deep as links are many: a link within a link's target. */
static int walk(struct tree *tree, struct inode **at, struct name path, int *links)
{
	if (path.length > 0 && path.text[0] == '/')
		*at = &tree->root;
	while (path.length > 0) {
		int stepped = step(tree, at, path_next(&path), links);
		if (stepped < 0)
			return stepped;
	}
	return 0;
}

int tree_walk(struct tree *tree, struct inode **at, struct name path)
{
	int links = 0;
	return walk(tree, at, path, &links);
}

static struct inode *make_directory(struct tree *tree, struct inode *parent, struct name base, struct entry *found)
{
	if (found != NULL && is_directory(found->inode))
		return found->inode;
	bool hides = found != NULL && is_whiteout(found->inode);
	if (found != NULL && !hides)
		job_fail(FAILED_REFUSED, "%s is used as a directory and is not one", quoted(base.text, base.length));
	if (base.length > NAME_BYTES_MAX)
		job_fail(FAILED_REFUSED, "a name is longer than %d bytes", NAME_BYTES_MAX);
	if (hides)
		tree_remove(tree, found);
	struct inode *made = tree_new_inode(tree, S_IFDIR | 0755);
	tree_link(tree, parent, base, made);
	made->implicit = true;
	made->opaque = hides;
	tree->implicit_name_bytes += made->path_length + 64;
	if (tree->implicit_name_bytes > tree->max_name_bytes)
		job_fail(FAILED_REFUSED, "it has too many directories");
	return made;
}

/* What is left to walk once a link in `at` was read: its target, cleaned as text, then the rest. */
static struct name through_link(const struct inode *at, const struct inode *link, struct name rest, char **buffer)
{
	size_t before = link->target[0] == '/' ? 0 : at->path_length + 1;
	char *joined = malloc(before + link->size);
	char *todo = malloc(before + link->size + rest.length + 1);
	if (joined == NULL || todo == NULL)
		job_fail(FAILED_INTERNAL, "there is no memory for a path");
	if (before > 0) {
		tree_path(at, joined);
		joined[before - 1] = '/';
	}
	memcpy(joined + before, link->target, link->size);
	size_t length = path_clean(joined, before + link->size, todo);
	free(joined);
	if (length > 0)
		todo[length++] = '/';
	memcpy(todo + length, rest.text, rest.length);
	free(*buffer);
	*buffer = todo;
	return (struct name){.text = todo, .length = length + rest.length};
}

/* mkdir -p through the archive's own links, dangling ones included. */
static struct inode *make_directories(struct tree *tree, struct name path)
{
	char *buffer = NULL;
	struct inode *at = &tree->root;
	int links = 0;
	while (path.length > 0) {
		struct name part = path_next(&path);
		if (part.length == 0)
			continue;
		struct entry *found = tree_lookup(tree, at, part);
		if (found != NULL && is_link(found->inode)) {
			if (++links > LINKS_MAX)
				job_fail(FAILED_REFUSED, "links loop at %s", quoted(part.text, part.length));
			path = through_link(at, found->inode, path, &buffer);
			at = &tree->root;
		} else {
			at = make_directory(tree, at, part, found);
		}
	}
	free(buffer);
	return at;
}

struct inode *tree_directory(struct tree *tree, struct name path)
{
	struct inode *at = &tree->root;
	int walked = tree_walk(tree, &at, path);
	if (walked == 0)
		return at;
	if (walked == -ELOOP)
		job_fail(FAILED_REFUSED, "links loop at %s", quoted(path.text, path.length));
	if (walked == -ENAMETOOLONG)
		job_fail(FAILED_REFUSED, "a name is longer than %d bytes", NAME_BYTES_MAX);
	at = make_directories(tree, path);
	if (at->path_length > PATH_BYTES_MAX)
		job_fail(FAILED_REFUSED, "a name is longer than %d bytes", PATH_BYTES_MAX);
	return at;
}
