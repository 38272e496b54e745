/* What of the on-disk format (linux/fs/erofs/erofs_fs.h) is written here. All numbers are little-endian. */
#ifndef CRIB_EROFS_FORMAT_H
#define CRIB_EROFS_FORMAT_H

#include <stdint.h>

#define EROFS_MAGIC 0xe0f5e1e2
#define EROFS_SUPER_AT 1024
#define EROFS_BLOCK 512
#define EROFS_BLOCK_BITS 9
#define EROFS_SLOT 32 /* inodes are numbered by these */
#define EROFS_FEATURE_CHUNKED_FILE 0x4
#define EROFS_FEATURE_DEVICE_TABLE 0x8
#define EROFS_FORMAT_EXTENDED 1
#define EROFS_LAYOUT_PLAIN (0 << 1)
#define EROFS_LAYOUT_INLINE (2 << 1)
#define EROFS_LAYOUT_CHUNKED (4 << 1)
#define EROFS_CHUNK_BITS_MAX 31
#define EROFS_CHUNK_INDEXES 0x20
#define EROFS_XATTR_TRUSTED 4

struct erofs_super {
	uint32_t magic;
	uint32_t checksum;
	uint32_t feature_compat;
	uint8_t block_bits;
	uint8_t extension_slots;
	uint16_t root_nid;
	uint64_t inodes;
	uint64_t build_time;
	uint32_t build_time_ns;
	uint32_t blocks;
	uint32_t meta_block;
	uint32_t xattr_block;
	uint8_t uuid[16];
	uint8_t volume_name[16];
	uint32_t feature_incompat;
	uint16_t compression;
	uint16_t extra_devices;
	uint16_t device_slot;
	uint8_t directory_block_bits;
	uint8_t xattr_prefixes;
	uint32_t xattr_prefix_start;
	uint64_t packed_nid;
	uint8_t reserved[24];
};
_Static_assert(sizeof(struct erofs_super) == 128, "the super block is 128 bytes");

struct erofs_device {
	uint8_t tag[64];
	uint32_t blocks;
	uint32_t mapped_block;
	uint8_t reserved[56];
};
_Static_assert(sizeof(struct erofs_device) == 128, "a device slot is 128 bytes");

struct erofs_inode {
	uint16_t format;
	uint16_t xattr_count;
	uint16_t mode;
	uint16_t reserved;
	uint64_t size;
	uint32_t location; /* a block, a device's number, or how a file is cut into chunks */
	uint32_t number;
	uint32_t uid;
	uint32_t gid;
	uint64_t mtime;
	uint32_t mtime_ns;
	uint32_t links;
	uint8_t reserved2[16];
};
_Static_assert(sizeof(struct erofs_inode) == 64, "an extended inode is 64 bytes");

struct erofs_chunk {
	uint16_t block_high;
	uint16_t device;
	uint32_t block;
};

struct __attribute__((packed)) erofs_dirent {
	uint64_t nid;
	uint16_t name_at;
	uint8_t type;
	uint8_t reserved;
};
_Static_assert(sizeof(struct erofs_dirent) == 12, "a directory entry is 12 bytes");

#define EROFS_XATTR_HEADER 12

#endif
