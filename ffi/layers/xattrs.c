/*
 * Which extended attributes of an image reach the index: as src/layers/tree/entry-metadata.ts has it. The directory
 * kind of store lets the kernel check values when they are set; here they are not set, so what the kernel would refuse
 * is refused here.
 */
#include "xattrs.h"

#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>

#include "layers.h"

#define PREFIX "SCHILY.xattr."
#define PREFIX_LENGTH (sizeof(PREFIX) - 1)
#define NAME_BYTES_MAX 255
/* The kernel's bound on one value (XATTR_SIZE_MAX). */
#define VALUE_BYTES_MAX 65535
/* The index counts a file's attributes in 16 bits of four bytes each. */
#define ALL_BYTES_MAX (128 * 1024)

/* linux/fs/erofs/erofs_fs.h */
enum { INDEX_USER = 1, INDEX_ACL_ACCESS = 2, INDEX_ACL_DEFAULT = 3, INDEX_SECURITY = 6 };

/* POSIX.1e lists, as the kernel passes them: linux/posix_acl_xattr.h. */
enum {
	ACL_VERSION = 2,
	ACL_USER_OBJ = 1,
	ACL_USER = 2,
	ACL_GROUP_OBJ = 4,
	ACL_GROUP = 8,
	ACL_MASK = 16,
	ACL_OTHER = 32
};
#define ACL_HEADER_BYTES 4
#define ACL_ENTRY_BYTES 8

static bool starts_with(struct name name, const char *prefix)
{
	return name.length > strlen(prefix) && memcmp(name.text, prefix, strlen(prefix)) == 0;
}

static bool is_named(struct name name, const char *text)
{
	return name.length == strlen(text) && memcmp(name.text, text, name.length) == 0;
}

/* 0 for what is dropped. */
static uint8_t classify(struct name *name)
{
	if (is_named(*name, "security.capability")) {
		*name = (struct name){.text = name->text + 9, .length = name->length - 9};
		return INDEX_SECURITY;
	}
	if (is_named(*name, "system.posix_acl_access") || is_named(*name, "system.posix_acl_default")) {
		bool access = is_named(*name, "system.posix_acl_access");
		name->length = 0;
		return access ? INDEX_ACL_ACCESS : INDEX_ACL_DEFAULT;
	}
	if (!starts_with(*name, "user.") || starts_with(*name, "user.overlay.") || is_named(*name, "user.overlay.") ||
	    memchr(name->text, 0, name->length) != NULL)
		return 0;
	if (name->length > NAME_BYTES_MAX)
		job_fail(FAILED_REFUSED, "the attribute %s has a name over %d bytes", quoted(name->text, name->length),
			 NAME_BYTES_MAX);
	*name = (struct name){.text = name->text + 5, .length = name->length - 5};
	return INDEX_USER;
}

/* The kernel knows user attributes on files and directories only, and no lists on links. */
static bool may_have(const struct inode *inode, uint8_t index)
{
	if (index == INDEX_SECURITY)
		return true;
	return S_ISREG(inode->mode) || S_ISDIR(inode->mode);
}

static uint32_t little_endian(const uint8_t *bytes, size_t length)
{
	uint32_t value = 0;
	for (size_t i = 0; i < length; i++)
		value |= (uint32_t)bytes[i] << (8 * i);
	return value;
}

static bool is_capability(const uint8_t *value, size_t length)
{
	if (length < 4)
		return false;
	uint32_t revision = little_endian(value, 4) & VFS_CAP_REVISION_MASK;
	return (revision == VFS_CAP_REVISION_2 && length == XATTR_CAPS_SZ_2) ||
	       (revision == VFS_CAP_REVISION_3 && length == XATTR_CAPS_SZ_3);
}

/* Entries in order of their tags, ids rising within one, permissions of three bits: posix_acl_valid(). */
static bool is_acl(const uint8_t *value, size_t length, uint32_t *mode, bool *minimal)
{
	if (length < ACL_HEADER_BYTES || (length - ACL_HEADER_BYTES) % ACL_ENTRY_BYTES != 0 ||
	    little_endian(value, 4) != ACL_VERSION)
		return false;
	uint32_t seen = 0, last_tag = 0, last_id = 0, group = 0;
	*minimal = true;
	for (size_t at = ACL_HEADER_BYTES; at < length; at += ACL_ENTRY_BYTES) {
		uint32_t tag = little_endian(value + at, 2), permissions = little_endian(value + at + 2, 2);
		uint32_t id = little_endian(value + at + 4, 4);
		bool named = tag == ACL_USER || tag == ACL_GROUP;
		bool known =
			named || tag == ACL_USER_OBJ || tag == ACL_GROUP_OBJ || tag == ACL_MASK || tag == ACL_OTHER;
		if (!known || permissions > 7 || tag < last_tag || (tag == last_tag && (!named || id <= last_id)))
			return false;
		if (named && id == UINT32_MAX)
			return false;
		if (tag == ACL_USER_OBJ)
			*mode = (*mode & ~0700u) | permissions << 6;
		if (tag == ACL_GROUP_OBJ || tag == ACL_MASK)
			group = permissions;
		if (tag == ACL_OTHER)
			*mode = (*mode & ~07u) | permissions;
		*minimal = *minimal && !named && tag != ACL_MASK;
		seen |= tag;
		last_tag = tag;
		last_id = id;
	}
	*mode = (*mode & ~070u) | group << 3;
	uint32_t needed = ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER;
	bool masked = (seen & (ACL_USER | ACL_GROUP)) == 0 || (seen & ACL_MASK) != 0;
	return (seen & needed) == needed && masked;
}

/* Whether there is something to keep: a list that says no more than the mode is the mode. */
static bool check_value(struct inode *inode, uint8_t index, const struct record *record)
{
	const uint8_t *value = (const uint8_t *)record_value(record);
	uint32_t mode = inode->mode;
	bool minimal = false, good = record->value_length <= VALUE_BYTES_MAX;
	switch (index) {
	case INDEX_SECURITY:
		good = is_capability(value, record->value_length);
		break;
	case INDEX_ACL_ACCESS:
		good = good && is_acl(value, record->value_length, &mode, &minimal);
		inode->mode = mode;
		break;
	case INDEX_ACL_DEFAULT:
		good = good && S_ISDIR(inode->mode) && is_acl(value, record->value_length, &mode, &minimal);
		minimal = false;
		break;
	}
	if (!good)
		job_fail(FAILED_REFUSED, "the attribute %s has a value that no file can have",
			 quoted(record->text, record->key_length));
	return !minimal;
}

static struct xattr *place_of(struct tree *tree, struct inode *inode, uint8_t index, struct name name)
{
	size_t bytes = 0;
	for (struct xattr *at = inode->xattrs; at != NULL; at = at->next) {
		if (at->index == index && at->name_length == name.length &&
		    memcmp(at->name, name.text, name.length) == 0)
			return at;
		bytes += at->name_length + at->value_length + 8u;
	}
	if (bytes > ALL_BYTES_MAX)
		job_fail(FAILED_REFUSED, "a file has more than %d bytes of attributes", ALL_BYTES_MAX);
	struct xattr *made = tree_allocate(tree, sizeof(*made));
	*made = (struct xattr){.next = inode->xattrs, .index = index, .name_length = (uint8_t)name.length};
	made->name = tree_text(tree, name.text, name.length);
	inode->xattrs = made;
	return made;
}

static void apply_records(struct tree *tree, struct inode *inode, const struct records *records)
{
	for (const struct record *record = records->first; record != NULL; record = record->next) {
		if (record->key_length < PREFIX_LENGTH || memcmp(record->text, PREFIX, PREFIX_LENGTH) != 0)
			continue;
		struct name name = {.text = record->text + PREFIX_LENGTH, .length = record->key_length - PREFIX_LENGTH};
		uint8_t index = classify(&name);
		if (index == 0 || !may_have(inode, index) || !check_value(inode, index, record))
			continue;
		struct xattr *xattr = place_of(tree, inode, index, name);
		xattr->value = (const uint8_t *)tree_text(tree, record_value(record), record->value_length);
		xattr->value_length = (uint16_t)record->value_length;
	}
}

void xattrs_apply(struct tree *tree, struct inode *inode, const struct member *member)
{
	apply_records(tree, inode, member->records);
}
