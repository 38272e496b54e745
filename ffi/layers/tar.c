#include "tar.h"

#include <stdlib.h>
#include <string.h>

#include "layers.h"

/* 2^32-1 is chown's "leave as it is", not an owner. */
#define ID_MAX 0xfffffffeLL

void tar_init(struct tar *tar, uint64_t max_entries, void (*member)(void *, const struct member *), void *context)
{
	*tar = (struct tar){.member = member, .context = context, .max_entries = max_entries};
}

void tar_free(struct tar *tar)
{
	pax_clear(&tar->local);
	free(tar->metadata);
	free(tar->long_name);
	free(tar->long_link);
}

static void set_content(struct tar *tar, uint64_t size)
{
	tar->remaining = size;
	tar->padding = (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}

static void keep_text(struct tar *tar, char **text, size_t *length)
{
	free(*text);
	*text = (char *)tar->metadata;
	*length = strnlen(*text, tar->metadata_length);
	tar->metadata = NULL;
}

static void on_metadata(struct tar *tar)
{
	switch (tar->metadata_type) {
	case 'x':
		pax_clear(&tar->local);
		pax_parse(&tar->local, tar->metadata, tar->metadata_length);
		break;
	case 'g': {
		/* Says nothing about members, as for Go. */
		struct records global = {0};
		pax_parse(&global, tar->metadata, tar->metadata_length);
		pax_clear(&global);
		break;
	}
	case 'L':
		keep_text(tar, &tar->long_name, &tar->long_name_length);
		break;
	case 'K':
		keep_text(tar, &tar->long_link, &tar->long_link_length);
		break;
	}
	free(tar->metadata);
	tar->metadata = NULL;
	tar->remaining = 0;
	tar->phase = TAR_SKIP;
}

static void begin_metadata(struct tar *tar, const struct header *header)
{
	if (header->size < 0 || header->size > METADATA_BYTES_MAX)
		job_fail(FAILED_REFUSED, "an extended header is %lld bytes long, over %d", (long long)header->size,
			 METADATA_BYTES_MAX);
	tar->metadata_type = header->type;
	tar->metadata_length = (size_t)header->size;
	/* One byte more: an empty one is still a buffer. */
	tar->metadata = malloc(tar->metadata_length + 1);
	if (tar->metadata == NULL)
		job_fail(FAILED_INTERNAL, "there is no memory for an extended header");
	set_content(tar, tar->metadata_length);
	tar->phase = TAR_METADATA;
	if (tar->metadata_length == 0)
		on_metadata(tar);
}

/* An empty value takes a record back. */
static const struct record *field(const struct tar *tar, const char *key)
{
	const struct record *found = pax_find(&tar->local, key, strlen(key));
	return found == NULL || found->value_length == 0 ? NULL : found;
}

static struct name text_of(const struct record *record, const char *long_text, size_t long_length, const char *text,
			   size_t length)
{
	struct name name = {.text = text, .length = length};
	if (record != NULL)
		name = (struct name){.text = record_value(record), .length = record->value_length};
	else if (long_text != NULL)
		name = (struct name){.text = long_text, .length = long_length};
	if (memchr(name.text, 0, name.length) != NULL)
		job_fail(FAILED_REFUSED, "a name holds a NUL byte");
	return name;
}

static enum member_kind kind_of(const struct header *header, struct name name)
{
	switch (header->type) {
	case '0':
		return name.length > 0 && name.text[name.length - 1] == '/' ? MEMBER_DIRECTORY : MEMBER_FILE;
	case '7':
		return MEMBER_FILE;
	case '1':
		return MEMBER_HARDLINK;
	case '2':
		return MEMBER_SYMLINK;
	case '3':
		return MEMBER_CHARACTER;
	case '4':
		return MEMBER_BLOCK;
	case '5':
		return MEMBER_DIRECTORY;
	case '6':
		return MEMBER_FIFO;
	default:
		job_fail(FAILED_REFUSED, "member %s has unknown type %s", quoted(name.text, name.length),
			 quoted((const char *)&header->type, 1));
	}
}

static uint32_t id_of(const struct record *record, int64_t from_header, const char *what, struct name name)
{
	int64_t id = record == NULL ? from_header : pax_integer(record);
	if (id < 0 || id > ID_MAX)
		job_fail(FAILED_REFUSED, "member %s has %s %lld", quoted(name.text, name.length), what, (long long)id);
	return (uint32_t)id;
}

static void begin_member(struct tar *tar, const struct header *header)
{
	struct member member = {.content = tar->position, .records = &tar->local};
	member.name =
		text_of(field(tar, "path"), tar->long_name, tar->long_name_length, header->name, header->name_length);
	member.link = text_of(field(tar, "linkpath"), tar->long_link, tar->long_link_length, header->link,
			      header->link_length);
	member.kind = kind_of(header, member.name);
	const struct record *size = field(tar, "size"), *mtime = field(tar, "mtime");
	int64_t bytes = size == NULL ? header->size : pax_integer(size);
	if (bytes < 0)
		job_fail(FAILED_DAMAGED, "member %s has a negative size", quoted(member.name.text, member.name.length));
	member.size = member.kind == MEMBER_FILE ? (uint64_t)bytes : 0;
	member.mode = (uint32_t)(header->mode & 07777);
	member.uid = id_of(field(tar, "uid"), header->uid, "uid", member.name);
	member.gid = id_of(field(tar, "gid"), header->gid, "gid", member.name);
	member.mtime = header->mtime;
	if (mtime != NULL)
		pax_time(mtime, &member.mtime, &member.mtime_ns);
	member.device_major = header->device_major;
	member.device_minor = header->device_minor;
	tar->member(tar->context, &member);
	pax_clear(&tar->local);
	free(tar->long_name);
	free(tar->long_link);
	tar->long_name = tar->long_link = NULL;
	set_content(tar, member.size);
	tar->phase = TAR_SKIP;
}

static void on_header(struct tar *tar, const uint8_t *block)
{
	struct header header;
	if (!tar_parse_header(block, &header)) {
		if (++tar->zero_blocks == 2)
			tar->phase = TAR_ENDED;
		return;
	}
	if (tar->zero_blocks > 0)
		job_fail(FAILED_DAMAGED, "a member follows a block of zeros");
	if (++tar->headers > tar->max_entries)
		job_fail(FAILED_REFUSED, "it has more than %llu members", (unsigned long long)tar->max_entries);
	switch (header.type) {
	case 'x':
	case 'g':
	case 'L':
	case 'K':
		begin_metadata(tar, &header);
		return;
	case 'S':
		job_fail(FAILED_UNSUPPORTED, "it holds sparse files");
	case 'V':
		if (header.size != 0)
			job_fail(FAILED_REFUSED, "it has a volume header with content");
		return;
	default:
		begin_member(tar, &header);
	}
}

static size_t fill_header(struct tar *tar, const uint8_t *bytes, size_t length)
{
	if (tar->have == 0 && length >= TAR_BLOCK) {
		tar->position += TAR_BLOCK;
		on_header(tar, bytes);
		return TAR_BLOCK;
	}
	size_t take = TAR_BLOCK - tar->have < length ? TAR_BLOCK - tar->have : length;
	memcpy(tar->block + tar->have, bytes, take);
	tar->have += take;
	tar->position += take;
	if (tar->have == TAR_BLOCK) {
		tar->have = 0;
		on_header(tar, tar->block);
	}
	return take;
}

static size_t fill_metadata(struct tar *tar, const uint8_t *bytes, size_t length)
{
	size_t take = tar->remaining < length ? (size_t)tar->remaining : length;
	memcpy(tar->metadata + (tar->metadata_length - tar->remaining), bytes, take);
	tar->remaining -= take;
	tar->position += take;
	if (tar->remaining == 0)
		on_metadata(tar);
	return take;
}

uint64_t tar_skippable(const struct tar *tar)
{
	return tar->phase == TAR_ENDED ? UINT64_MAX : tar->phase == TAR_SKIP ? tar->remaining + tar->padding : 0;
}

void tar_skip(struct tar *tar, uint64_t count)
{
	tar->position += count;
	if (tar->phase == TAR_ENDED)
		return;
	uint64_t content = tar->remaining < count ? tar->remaining : count;
	tar->remaining -= content;
	tar->padding -= count - content;
	if (tar->remaining + tar->padding == 0)
		tar->phase = TAR_HEADER;
}

void tar_push(struct tar *tar, const uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		uint64_t skippable = tar_skippable(tar), left = length - at;
		if (tar->phase == TAR_HEADER) {
			at += fill_header(tar, bytes + at, left);
		} else if (tar->phase == TAR_METADATA) {
			at += fill_metadata(tar, bytes + at, left);
		} else {
			uint64_t count = skippable < left ? skippable : left;
			tar_skip(tar, count);
			at += count;
		}
		if (tar->phase == TAR_SKIP && tar_skippable(tar) == 0)
			tar->phase = TAR_HEADER;
	}
}

void tar_finish(struct tar *tar)
{
	if (tar->phase == TAR_ENDED || (tar->phase == TAR_SKIP && tar->remaining == 0))
		return;
	if (tar->phase != TAR_HEADER || tar->have != 0)
		job_fail(FAILED_DAMAGED, "it ends in the middle of a member");
	if (tar->local.count > 0 || tar->long_name != NULL || tar->long_link != NULL)
		job_fail(FAILED_DAMAGED, "it ends after an extended header");
}
