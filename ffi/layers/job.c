#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "erofs.h"
#include "layers.h"
#include "orders.h"
#include "pipeline.h"
#include "replies.h"

#define REREAD_BYTES (64 * 1024)

static struct pipeline pipeline;

/* A counted list of names, the count filled in at its end. */
struct names {
	struct reply *reply;
	size_t count_at;
	uint32_t count;
	uint64_t left; /* beyond so many bytes names are forgotten: a ghost in a listing is better than a layer refused
			*/
};

static struct names names_begin(struct reply *reply, uint64_t most)
{
	struct names names = {.reply = reply, .count_at = reply->used, .left = most};
	reply_u32(reply, 0);
	return names;
}

static void names_put(struct names *names, const struct inode *directory, struct name base)
{
	size_t parent = directory->path_length, slash = parent > 0 && base.length > 0 ? 1 : 0;
	size_t length = parent + slash + base.length;
	if (length > names->left || length > UINT16_MAX)
		return;
	names->left -= length;
	char path[parent + slash + 1];
	tree_path(directory, path);
	path[parent] = '/';
	reply_u16(names->reply, (uint16_t)length);
	reply_bytes(names->reply, path, parent + slash);
	reply_bytes(names->reply, base.text, base.length);
	names->count++;
}

static void names_end(const struct names *names)
{
	uint32_t count = htole32(names->count);
	memcpy(names->reply->bytes + names->count_at, &count, sizeof(count));
}

static void put_implicit(struct reply *reply, struct tree *tree)
{
	struct names names = names_begin(reply, UINT64_MAX);
	for (struct inode *at = &tree->root; at != NULL; at = tree_next_directory(at))
		if (at->implicit)
			names_put(&names, at, (struct name){.text = "", .length = 0});
	names_end(&names);
}

static void put_whiteouts(struct reply *reply, struct tree *tree)
{
	struct names names = names_begin(reply, pipeline.limits->max_directory_name_bytes);
	for (struct inode *at = &tree->root; at != NULL; at = tree_next_directory(at))
		for (struct entry *entry = at->first; entry != NULL; entry = entry->next)
			if (is_whiteout(entry->inode))
				names_put(&names, at, entry->name);
	names_end(&names);
}

static void tell_parsed(struct pipeline *done)
{
	struct tree *tree = &done->tree;
	members_end(&done->applier);
	tree->root.implicit = !tree->root_seen;
	uint8_t archive[SHA256_BYTES];
	struct sha256 archive_hash = done->archive_hash;
	sha256_final(&archive_hash, archive);
	struct reply reply;
	reply_begin(&reply, REPLY_PARSED);
	reply_u64(&reply, done->archive_bytes);
	reply_u64(&reply, done->tar.headers);
	reply_bytes(&reply, archive, sizeof(archive));
	put_implicit(&reply, tree);
	put_whiteouts(&reply, tree);
	reply_send(&reply);
}

static void read_archive_again(struct tar *tar)
{
	static uint8_t buffer[REREAD_BYTES];
	for (uint64_t at = 0; at < pipeline.archive_bytes;) {
		uint64_t skip = tar_skippable(tar), left = pipeline.archive_bytes - at;
		if (skip > 0) {
			skip = skip < left ? skip : left;
			tar_skip(tar, skip);
			at += skip;
			continue;
		}
		ssize_t have = pread(FD_TAR, buffer, left < REREAD_BYTES ? (size_t)left : REREAD_BYTES, (off_t)at);
		if (have <= 0)
			job_fail_errno(have < 0 ? errno : EIO, "read the archive");
		tar_push(tar, buffer, (size_t)have);
		at += (uint64_t)have;
	}
	tar_finish(tar);
}

static int compare_rewrites(const void *a, const void *b)
{
	return name_compare(((const struct rewrite *)a)->from, ((const struct rewrite *)b)->from);
}

/* Takes the tree down and reads the archive once more, with directories that mean others. */
static void rewrite(struct order *order)
{
	uint32_t count = order_u32(order);
	struct rewrite *rewrites = calloc(count + 1, sizeof(*rewrites));
	if (rewrites == NULL)
		job_fail(FAILED_INTERNAL, "there is no memory for %u names", count);
	for (uint32_t i = 0; i < count; i++) {
		rewrites[i].from = order_name(order);
		rewrites[i].to = order_name(order);
	}
	qsort(rewrites, count, sizeof(*rewrites), compare_rewrites);
	tree_free(&pipeline.tree);
	tar_free(&pipeline.tar);
	tree_init(&pipeline.tree, pipeline.limits->max_directory_name_bytes);
	applier_init(&pipeline.applier, &pipeline.tree, rewrites, count);
	tar_init(&pipeline.tar, pipeline.limits->max_entries, member_apply, &pipeline.applier);
	read_archive_again(&pipeline.tar);
	tell_parsed(&pipeline);
	free(rewrites);
}

/* What implied directories are in the layers below. */
static void inherit(struct order *order)
{
	for (uint32_t count = order_u32(order); count > 0; count--) {
		struct name path = order_name(order);
		struct inode *directory = &pipeline.tree.root;
		int walked = tree_walk(&pipeline.tree, &directory, path);
		if (walked < 0)
			job_fail_errno(-walked, "find an implied directory");
		directory->uid = order_u32(order);
		directory->gid = order_u32(order);
		directory->mode = S_IFDIR | (order_u32(order) & 07777);
		directory->mtime = (int64_t)order_u64(order);
		directory->mtime_ns = order_u32(order);
	}
}

/* Whiteouts that hide nothing of the layers below, where overlayfs would show them as names without files. */
static void drop(struct order *order)
{
	for (uint32_t count = order_u32(order); count > 0; count--) {
		struct name parent, base;
		path_split(order_name(order), &parent, &base);
		struct inode *directory = &pipeline.tree.root;
		int walked = tree_walk(&pipeline.tree, &directory, parent);
		struct entry *found = walked < 0 ? NULL : tree_lookup(&pipeline.tree, directory, base);
		if (found != NULL && is_whiteout(found->inode))
			tree_remove(&pipeline.tree, found);
	}
}

static void write_index(struct order *order)
{
	struct index_facts facts;
	erofs_write(&pipeline.tree, FD_INDEX, pipeline.archive_bytes, order_bytes(order, 16), &facts);
	struct reply reply;
	reply_begin(&reply, REPLY_INDEXED);
	reply_u64(&reply, facts.bytes);
	reply_u64(&reply, facts.inodes);
	reply_bytes(&reply, facts.digest, sizeof(facts.digest));
	reply_send(&reply);
}

static void obey(struct order *order)
{
	switch ((enum order_kind)order->kind) {
	case ORDER_ADVANCE: {
		uint64_t available = order_u64(order);
		pipeline_advance(&pipeline, available, *order_bytes(order, 1) != 0);
		return;
	}
	case ORDER_REWRITE:
		rewrite(order);
		return;
	case ORDER_INHERIT:
		inherit(order);
		return;
	case ORDER_DROP:
		drop(order);
		return;
	case ORDER_INDEX:
		write_index(order);
		return;
	case ORDER_ASK:
	case ORDER_TAKE:
		break; /* those are for receive.c */
	}
	job_fail(FAILED_INTERNAL, "an order of unknown kind %u", order->kind);
}

void job_run(const struct limits *limits)
{
	pipeline_start(&pipeline, limits, tell_parsed);
	int confined = confine_calls();
	if (confined < 0)
		job_fail_errno(-confined, "seccomp");
	pipeline_release(&pipeline);
	struct order order = {0};
	while (order_next(&order))
		obey(&order);
}
