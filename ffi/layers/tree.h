/* The tree a layer's archive describes, in memory: what the archive's members did to an empty directory. */
#ifndef CRIB_TREE_H
#define CRIB_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inode;

struct name {
	const char *text;
	size_t length;
};

struct xattr {
	struct xattr *next;
	uint8_t index; /* EROFS_XATTR_INDEX_* */
	uint8_t name_length;
	uint16_t value_length;
	const char *name; /* without the prefix that the index stands for */
	const uint8_t *value;
};

struct entry {
	struct entry *next;
	struct entry *previous;
	struct inode *directory;
	struct inode *inode;
	struct name name;
	uint32_t hash;
};

struct inode {
	uint32_t mode; /* type and permissions, as in st_mode */
	uint32_t uid;
	uint32_t gid;
	uint32_t mtime_ns;
	int64_t mtime;
	uint64_t size;
	union {
		uint64_t content;    /* a file's: where in the archive */
		uint32_t device;     /* new_encode_dev() of the kernel */
		const char *target;  /* a link's, `size` bytes */
		struct entry *first; /* a directory's */
	};
	struct xattr *xattrs;
	struct entry *self; /* a directory's only name; NULL for the root */
	uint32_t links;
	uint32_t path_length;
	uint32_t children;
	bool implicit;
	bool opaque;
	bool hidden; /* opaque, or below what is */
	/* The index writer's: */
	bool placed;
	uint32_t number;
	uint32_t data_block;
	uint64_t nid;
	struct entry **sorted; /* a directory's names with "." and "..", `children` + 2 of them */
};

struct tree {
	struct inode root;
	bool root_seen;
	uint32_t hard_to_remove; /* directories replaced so far */
	uint64_t implicit_name_bytes;
	uint64_t named_name_bytes;
	uint64_t max_name_bytes;
	struct entry **table;
	size_t table_size;
	size_t table_used;
	struct chunk *chunks;
	size_t memory;
};

void tree_init(struct tree *tree, uint64_t max_name_bytes);
/* Gives all memory back. */
void tree_free(struct tree *tree);
/* Memory that lives as long as the tree; a layer that asks for too much is refused. */
void *tree_allocate(struct tree *tree, size_t size);
const char *tree_text(struct tree *tree, const char *text, size_t length);

bool is_directory(const struct inode *inode);
bool is_link(const struct inode *inode);
/* The character device 0:0, by which overlayfs says "nothing here". */
bool is_whiteout(const struct inode *inode);

struct entry *tree_lookup(struct tree *tree, struct inode *directory, struct name name);
struct inode *tree_new_inode(struct tree *tree, uint32_t mode);
struct entry *tree_link(struct tree *tree, struct inode *directory, struct name name, struct inode *inode);
/* Takes the name away, with all that is below it when it is a directory's. */
void tree_remove(struct tree *tree, struct entry *entry);
/* Writes the directory's path, without a slash at either end; `path_length` bytes. */
void tree_path(const struct inode *directory, char *into);

/* The next directory of a walk over all of them, parents first; NULL after the last. */
struct inode *tree_next_directory(struct inode *at);

/* tree-resolve.c */
/* Follows `path` from `*at` with links, inside the tree; 0 or -errno (ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG). */
int tree_walk(struct tree *tree, struct inode **at, struct name path);
/* The directory at the clean `path`, made with all that leads to it where it is not there. */
struct inode *tree_directory(struct tree *tree, struct name path);

/* path.c: Go's filepath.Clean below "/". Returns the length written to `into`, which has room for `length`. */
size_t path_clean(const char *path, size_t length, char *into);
/* Splits at the last slash. */
void path_split(struct name path, struct name *parent, struct name *base);
/* Takes the first component off. */
struct name path_next(struct name *path);

#endif
