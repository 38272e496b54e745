#include "tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "layers.h"

#define CHUNK_BYTES (1024 * 1024)
/* Four million members of 100 bytes and their names fit; what asks for more is no image. */
#define MEMORY_MAX ((size_t)1536 * 1024 * 1024)
#define FIRST_TABLE 4096
/* No honest archive does it often; each time costs a walk over what is below. */
#define REPLACED_MAX 10000

struct chunk {
	struct chunk *next;
	size_t used;
	size_t size;
	_Alignas(16) uint8_t bytes[];
};

static struct entry removed_entry;

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);
	if (memory == NULL)
		job_fail(FAILED_REFUSED, "its names and attributes do not fit in memory");
	return memory;
}

void tree_init(struct tree *tree, uint64_t max_name_bytes)
{
	*tree = (struct tree){.max_name_bytes = max_name_bytes, .table_size = FIRST_TABLE};
	tree->root = (struct inode){.mode = S_IFDIR | 0755, .links = 2};
	tree->table = allocate(FIRST_TABLE * sizeof(struct entry *));
}

void tree_free(struct tree *tree)
{
	while (tree->chunks != NULL) {
		struct chunk *next = tree->chunks->next;
		free(tree->chunks);
		tree->chunks = next;
	}
	free(tree->table);
}

void *tree_allocate(struct tree *tree, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	struct chunk *chunk = tree->chunks;
	if (chunk == NULL || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
		tree->memory += room;
		if (tree->memory > MEMORY_MAX)
			job_fail(FAILED_REFUSED, "its names and attributes do not fit in memory");
		chunk = allocate(sizeof(*chunk) + room);
		chunk->next = tree->chunks;
		chunk->size = room;
		tree->chunks = chunk;
	}
	void *memory = chunk->bytes + chunk->used;
	chunk->used += size;
	return memory;
}

const char *tree_text(struct tree *tree, const char *text, size_t length)
{
	char *copy = tree_allocate(tree, length + 1);
	memcpy(copy, text, length);
	return copy;
}

bool is_directory(const struct inode *inode)
{
	return S_ISDIR(inode->mode);
}

bool is_link(const struct inode *inode)
{
	return S_ISLNK(inode->mode);
}

bool is_whiteout(const struct inode *inode)
{
	return S_ISCHR(inode->mode) && inode->device == 0;
}

/* FNV-1a over the directory's address and the name. Who makes names collide slows down the unpacking of an own layer.
 */
static uint32_t hash_of(const struct inode *directory, struct name name)
{
	uint64_t hash = 0xcbf29ce484222325ull ^ ((uint64_t)(uintptr_t)directory * 0x9e3779b97f4a7c15ull);
	for (size_t i = 0; i < name.length; i++)
		hash = (hash ^ (uint8_t)name.text[i]) * 0x100000001b3ull;
	return (uint32_t)(hash ^ hash >> 32);
}

static void insert(struct entry **table, size_t size, struct entry *entry)
{
	size_t at = entry->hash & (size - 1);
	while (table[at] != NULL)
		at = (at + 1) & (size - 1);
	table[at] = entry;
}

static void grow(struct tree *tree)
{
	size_t size = tree->table_size * 2, used = 0;
	struct entry **table = allocate(size * sizeof(*table));
	for (size_t i = 0; i < tree->table_size; i++)
		if (tree->table[i] != NULL && tree->table[i] != &removed_entry) {
			insert(table, size, tree->table[i]);
			used++;
		}
	free(tree->table);
	tree->table = table;
	tree->table_size = size;
	tree->table_used = used;
}

static struct entry **find(struct tree *tree, const struct inode *directory, struct name name, uint32_t hash)
{
	for (size_t at = hash & (tree->table_size - 1); tree->table[at] != NULL;
	     at = (at + 1) & (tree->table_size - 1)) {
		struct entry *entry = tree->table[at];
		if (entry != &removed_entry && entry->hash == hash && entry->directory == directory &&
		    entry->name.length == name.length && memcmp(entry->name.text, name.text, name.length) == 0)
			return &tree->table[at];
	}
	return NULL;
}

struct entry *tree_lookup(struct tree *tree, struct inode *directory, struct name name)
{
	struct entry **found = find(tree, directory, name, hash_of(directory, name));
	return found == NULL ? NULL : *found;
}

struct inode *tree_new_inode(struct tree *tree, uint32_t mode)
{
	struct inode *inode = tree_allocate(tree, sizeof(*inode));
	*inode = (struct inode){.mode = mode};
	return inode;
}

struct entry *tree_link(struct tree *tree, struct inode *directory, struct name name, struct inode *inode)
{
	if ((tree->table_used + 1) * 3 > tree->table_size * 2)
		grow(tree);
	struct entry *entry = tree_allocate(tree, sizeof(*entry));
	*entry = (struct entry){.directory = directory, .inode = inode, .next = directory->first};
	entry->name = (struct name){.text = tree_text(tree, name.text, name.length), .length = name.length};
	entry->hash = hash_of(directory, name);
	if (directory->first != NULL)
		directory->first->previous = entry;
	directory->first = entry;
	directory->children++;
	insert(tree->table, tree->table_size, entry);
	tree->table_used++;
	if (is_directory(inode)) {
		inode->links = 2;
		inode->self = entry;
		inode->path_length = directory->path_length + (directory->path_length > 0) + (uint32_t)name.length;
		directory->links++;
	} else {
		inode->links++;
	}
	return entry;
}

static void unlink_entry(struct tree *tree, struct entry *entry)
{
	struct inode *directory = entry->directory;
	if (entry->previous != NULL)
		entry->previous->next = entry->next;
	else
		directory->first = entry->next;
	if (entry->next != NULL)
		entry->next->previous = entry->previous;
	directory->children--;
	*find(tree, directory, entry->name, entry->hash) = &removed_entry;
	if (is_directory(entry->inode))
		directory->links--;
	else
		entry->inode->links--;
}

void tree_remove(struct tree *tree, struct entry *entry)
{
	if (is_directory(entry->inode) && ++tree->hard_to_remove > REPLACED_MAX)
		job_fail(FAILED_REFUSED, "it replaces more than %d directories of its own", REPLACED_MAX);
	struct entry *at = entry;
	for (;;) {
		while (is_directory(at->inode) && at->inode->first != NULL)
			at = at->inode->first;
		struct entry *up = at->directory->self;
		unlink_entry(tree, at);
		if (at == entry)
			return;
		at = up;
	}
}

void tree_path(const struct inode *directory, char *into)
{
	size_t at = directory->path_length;
	for (; directory->self != NULL; directory = directory->self->directory) {
		at -= directory->self->name.length;
		memcpy(into + at, directory->self->name.text, directory->self->name.length);
		if (at > 0)
			into[--at] = '/';
	}
}

/* The next directory of a walk over all of them, parents first; NULL after the last. */
struct inode *tree_next_directory(struct inode *at)
{
	for (struct entry *entry = at->first; entry != NULL; entry = entry->next)
		if (is_directory(entry->inode))
			return entry->inode;
	for (; at->self != NULL; at = at->self->directory)
		for (struct entry *entry = at->self->next; entry != NULL; entry = entry->next)
			if (is_directory(entry->inode))
				return entry->inode;
	return NULL;
}
