#include "erofs.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "erofs-format.h"
#include "index-writer.h"
#include "layers.h"
#include "member.h"

#define DEVICE_SLOT_AT (EROFS_SUPER_AT + 128)
#define FIRST_INODE_AT (DEVICE_SLOT_AT + 128)
/* Longer ones get blocks of their own: within a block they are read with the inode. */
#define INLINE_LINK_MAX 400

static const struct name opaque_name = {.text = "overlay.opaque", .length = 14};

struct layout {
	struct inode **inodes; /* in the order of their numbers */
	size_t count;
	uint64_t meta_end;
	uint64_t blocks;
};

static uint64_t align(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

/* --- what takes how much room ------------------------------------------------------------------------------------ */

static size_t xattr_entry_bytes(size_t name_length, size_t value_length)
{
	return align(4 + name_length + value_length, 4);
}

static size_t xattr_bytes(const struct inode *inode)
{
	size_t bytes = inode->opaque ? xattr_entry_bytes(opaque_name.length, 1) : 0;
	for (const struct xattr *at = inode->xattrs; at != NULL; at = at->next)
		bytes += xattr_entry_bytes(at->name_length, at->value_length);
	return bytes == 0 ? 0 : EROFS_XATTR_HEADER + bytes;
}

static bool is_chunked(const struct inode *inode)
{
	return S_ISREG(inode->mode) && inode->size > 0;
}

static bool is_inline(const struct inode *inode)
{
	return is_link(inode) && inode->size <= INLINE_LINK_MAX;
}

static size_t tail_at(const struct inode *inode)
{
	size_t at = sizeof(struct erofs_inode) + xattr_bytes(inode);
	return is_chunked(inode) ? align(at, sizeof(struct erofs_chunk)) : at;
}

static size_t tail_bytes(const struct inode *inode)
{
	return is_chunked(inode) ? sizeof(struct erofs_chunk) : is_inline(inode) ? inode->size : 0;
}

/* An inline tail may not cross a block's end. */
static uint64_t place_inode(const struct inode *inode, uint64_t at)
{
	if (is_inline(inode))
		while ((at + tail_at(inode)) % EROFS_BLOCK + inode->size > EROFS_BLOCK)
			at += EROFS_SLOT;
	return at;
}

static int compare_entries(const void *a, const void *b)
{
	return name_compare((*(struct entry *const *)a)->name, (*(struct entry *const *)b)->name);
}

static struct entry *dot(struct tree *tree, const char *name, struct inode *inode)
{
	struct entry *entry = tree_allocate(tree, sizeof(*entry));
	*entry = (struct entry){.name = {.text = name, .length = strlen(name)}, .inode = inode};
	return entry;
}

static void sort_names(struct tree *tree, struct inode *directory)
{
	size_t count = 0;
	directory->sorted = tree_allocate(tree, (directory->children + 2) * sizeof(struct entry *));
	for (struct entry *at = directory->first; at != NULL; at = at->next)
		directory->sorted[count++] = at;
	struct inode *parent = directory->self == NULL ? directory : directory->self->directory;
	directory->sorted[count++] = dot(tree, ".", directory);
	directory->sorted[count++] = dot(tree, "..", parent);
	qsort(directory->sorted, count, sizeof(struct entry *), compare_entries);
}

/* How many names from `first` on fit one block; `bytes` is what they take. */
static size_t names_of_block(const struct inode *directory, size_t first, size_t *bytes)
{
	size_t count = 0;
	*bytes = 0;
	while (first + count < directory->children + 2) {
		size_t more = sizeof(struct erofs_dirent) + directory->sorted[first + count]->name.length;
		if (*bytes + more > EROFS_BLOCK)
			break;
		*bytes += more;
		count++;
	}
	return count;
}

static uint64_t directory_bytes(const struct inode *directory)
{
	uint64_t total = 0;
	size_t bytes = 0;
	for (size_t first = 0; first < directory->children + 2;) {
		total = align(total, EROFS_BLOCK);
		first += names_of_block(directory, first, &bytes);
		total += bytes;
	}
	return total;
}

/* --- the passes -------------------------------------------------------------------------------------------------- */

static void append(struct layout *layout, struct inode *inode)
{
	if (inode->placed)
		return;
	inode->placed = true;
	inode->number = (uint32_t)layout->count + 1;
	if ((layout->count & (layout->count + 1)) == 0) {
		layout->inodes = realloc(layout->inodes, (layout->count + 1) * 2 * sizeof(struct inode *));
		if (layout->inodes == NULL)
			job_fail(FAILED_REFUSED, "its names do not fit in memory");
	}
	layout->inodes[layout->count++] = inode;
}

/* Breadth first: the list is its own queue. */
static void collect(struct tree *tree, struct layout *layout)
{
	append(layout, &tree->root);
	for (size_t i = 0; i < layout->count; i++) {
		struct inode *directory = layout->inodes[i];
		if (!is_directory(directory))
			continue;
		sort_names(tree, directory);
		for (size_t n = 0; n < directory->children + 2; n++)
			append(layout, directory->sorted[n]->inode);
	}
}

static void place_all(struct layout *layout)
{
	uint64_t at = FIRST_INODE_AT;
	for (size_t i = 0; i < layout->count; i++) {
		struct inode *inode = layout->inodes[i];
		at = place_inode(inode, at);
		inode->nid = at / EROFS_SLOT;
		at = align(at + tail_at(inode) + tail_bytes(inode), EROFS_SLOT);
	}
	layout->meta_end = align(at, EROFS_BLOCK);
	layout->blocks = layout->meta_end / EROFS_BLOCK;
	for (size_t i = 0; i < layout->count; i++) {
		struct inode *inode = layout->inodes[i];
		if (is_directory(inode))
			inode->size = directory_bytes(inode);
		else if (!is_link(inode) || is_inline(inode))
			continue;
		inode->data_block = (uint32_t)layout->blocks;
		layout->blocks += align(inode->size, EROFS_BLOCK) / EROFS_BLOCK;
	}
	if (layout->blocks > UINT32_MAX)
		job_fail(FAILED_REFUSED, "it has too many members for one index");
}

static void put_super(struct index_writer *writer, const struct layout *layout, uint64_t archive_bytes,
		      const uint8_t id[16])
{
	struct erofs_super super = {
		.magic = htole32(EROFS_MAGIC),
		.block_bits = EROFS_BLOCK_BITS,
		.root_nid = htole16(FIRST_INODE_AT / EROFS_SLOT),
		.inodes = htole64(layout->count),
		.blocks = htole32((uint32_t)layout->blocks),
		.feature_incompat = htole32(EROFS_FEATURE_CHUNKED_FILE | EROFS_FEATURE_DEVICE_TABLE),
		.extra_devices = htole16(1),
		.device_slot = htole16(DEVICE_SLOT_AT / sizeof(struct erofs_device)),
	};
	memcpy(super.uuid, id, sizeof(super.uuid));
	struct erofs_device device = {.blocks = htole32((uint32_t)(align(archive_bytes, EROFS_BLOCK) / EROFS_BLOCK))};
	index_pad(writer, EROFS_SUPER_AT);
	index_put(writer, &super, sizeof(super));
	index_put(writer, &device, sizeof(device));
}

static void put_xattr(struct index_writer *writer, uint8_t index, struct name name, const uint8_t *value,
		      uint16_t length)
{
	uint8_t head[4] = {(uint8_t)name.length, index, (uint8_t)length, (uint8_t)(length >> 8)};
	index_put(writer, head, sizeof(head));
	index_put(writer, name.text, name.length);
	index_put(writer, value, length);
	index_pad(writer, align(writer->position, 4));
}

static void put_xattrs(struct index_writer *writer, const struct inode *inode)
{
	static const uint8_t header[EROFS_XATTR_HEADER];
	if (xattr_bytes(inode) == 0)
		return;
	index_put(writer, header, sizeof(header));
	if (inode->opaque)
		put_xattr(writer, EROFS_XATTR_TRUSTED, opaque_name, (const uint8_t *)"y", 1);
	for (const struct xattr *at = inode->xattrs; at != NULL; at = at->next)
		put_xattr(writer, at->index, (struct name){.text = at->name, .length = at->name_length}, at->value,
			  at->value_length);
}

/* One chunk holds the whole file, so it is as large as the next power of two. */
static unsigned chunk_bits(uint64_t size)
{
	unsigned bits = 0;
	while (bits < EROFS_CHUNK_BITS_MAX && (uint64_t)EROFS_BLOCK << bits < size)
		bits++;
	return bits;
}

static uint32_t location_of(const struct inode *inode)
{
	if (is_chunked(inode))
		return EROFS_CHUNK_INDEXES | chunk_bits(inode->size);
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
		return inode->device;
	return inode->data_block;
}

static void put_inode(struct index_writer *writer, const struct inode *inode)
{
	uint16_t layout = is_chunked(inode)  ? EROFS_LAYOUT_CHUNKED
			  : is_inline(inode) ? EROFS_LAYOUT_INLINE
					     : EROFS_LAYOUT_PLAIN;
	size_t xattrs = xattr_bytes(inode);
	struct erofs_inode record = {
		.format = htole16(EROFS_FORMAT_EXTENDED | layout),
		.xattr_count = htole16(xattrs == 0 ? 0 : (uint16_t)((xattrs - EROFS_XATTR_HEADER) / 4 + 1)),
		.mode = htole16((uint16_t)inode->mode),
		.size = htole64(inode->size),
		.location = htole32(location_of(inode)),
		.number = htole32(inode->number),
		.uid = htole32(inode->uid),
		.gid = htole32(inode->gid),
		.mtime = htole64((uint64_t)inode->mtime),
		.mtime_ns = htole32(inode->mtime_ns),
		.links = htole32(inode->links),
	};
	index_pad(writer, inode->nid * EROFS_SLOT);
	index_put(writer, &record, sizeof(record));
	put_xattrs(writer, inode);
	if (is_chunked(inode)) {
		struct erofs_chunk chunk = {.device = htole16(1),
					    .block = htole32((uint32_t)(inode->content / EROFS_BLOCK))};
		index_pad(writer, inode->nid * EROFS_SLOT + tail_at(inode));
		index_put(writer, &chunk, sizeof(chunk));
	} else if (is_inline(inode)) {
		index_put(writer, inode->target, inode->size);
	}
}

/* enum FT_* of the kernel. */
static uint8_t type_of(const struct inode *inode)
{
	switch (inode->mode & S_IFMT) {
	case S_IFREG:
		return 1;
	case S_IFDIR:
		return 2;
	case S_IFCHR:
		return 3;
	case S_IFBLK:
		return 4;
	case S_IFIFO:
		return 5;
	case S_IFLNK:
		return 7;
	default:
		return 0;
	}
}

static void put_directory(struct index_writer *writer, const struct inode *directory)
{
	for (size_t first = 0; first < directory->children + 2;) {
		size_t bytes, count = names_of_block(directory, first, &bytes);
		size_t name_at = count * sizeof(struct erofs_dirent);
		index_pad(writer, align(writer->position, EROFS_BLOCK));
		for (size_t i = first; i < first + count; i++) {
			const struct entry *entry = directory->sorted[i];
			struct erofs_dirent dirent = {.nid = htole64(entry->inode->nid),
						      .name_at = htole16((uint16_t)name_at),
						      .type = type_of(entry->inode)};
			index_put(writer, &dirent, sizeof(dirent));
			name_at += entry->name.length;
		}
		for (size_t i = first; i < first + count; i++)
			index_put(writer, directory->sorted[i]->name.text, directory->sorted[i]->name.length);
		first += count;
	}
}

static void put_data(struct index_writer *writer, const struct inode *inode)
{
	if (inode->data_block == 0)
		return;
	index_pad(writer, (uint64_t)inode->data_block * EROFS_BLOCK);
	if (is_directory(inode))
		put_directory(writer, inode);
	else
		index_put(writer, inode->target, inode->size);
}

void erofs_write(struct tree *tree, int fd, uint64_t archive_bytes, const uint8_t id[16], struct index_facts *facts)
{
	static struct index_writer writer;
	struct layout layout = {0};
	collect(tree, &layout);
	place_all(&layout);
	writer.fd = fd;
	writer.position = writer.used = 0;
	sha256_init(&writer.hash);
	put_super(&writer, &layout, archive_bytes, id);
	for (size_t i = 0; i < layout.count; i++)
		put_inode(&writer, layout.inodes[i]);
	for (size_t i = 0; i < layout.count; i++)
		put_data(&writer, layout.inodes[i]);
	index_pad(&writer, layout.blocks * EROFS_BLOCK);
	index_flush(&writer);
	facts->bytes = writer.position;
	facts->inodes = layout.count;
	sha256_final(&writer.hash, facts->digest);
	free(layout.inodes);
}
