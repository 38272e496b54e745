#include "pipeline.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bytes.h"
#include "index-writer.h"

#define THREADS 3
#define SPACE_CHECK_BYTES (UINT64_C(64) << 20)

static void wait_until_confined(struct pipeline *pipeline)
{
	pthread_mutex_lock(&pipeline->lock);
	pipeline->waiting++;
	pthread_cond_broadcast(&pipeline->changed);
	while (!pipeline->confined)
		pthread_cond_wait(&pipeline->changed, &pipeline->lock);
	pthread_mutex_unlock(&pipeline->lock);
}

/* A thread's end takes system calls, too; the process ends soon enough. */
static _Noreturn void rest(struct pipeline *pipeline)
{
	pthread_mutex_lock(&pipeline->lock);
	for (;;)
		pthread_cond_wait(&pipeline->changed, &pipeline->lock);
}

/* --- the blob's file to compressed pieces ------------------------------------------------------------------------ */

/* How much may be read from `position` on; 0 at the end of the blob. */
static uint64_t wait_for_blob(struct pipeline *pipeline, uint64_t position)
{
	pthread_mutex_lock(&pipeline->lock);
	while (pipeline->available <= position && !pipeline->final)
		pthread_cond_wait(&pipeline->changed, &pipeline->lock);
	uint64_t more = pipeline->available - position;
	pthread_mutex_unlock(&pipeline->lock);
	return more;
}

static void *read_blob(void *argument)
{
	struct pipeline *pipeline = argument;
	wait_until_confined(pipeline);
	uint64_t position = 0;
	for (uint64_t more; (more = wait_for_blob(pipeline, position)) > 0;) {
		struct ring_slot *slot = ring_empty(&pipeline->compressed);
		size_t wanted = more < PIECE_BYTES ? (size_t)more : PIECE_BYTES;
		ssize_t have = pread(FD_BLOB, slot->data, wanted, (off_t)position);
		if (have < 0 && errno == EINTR)
			continue;
		if (have < 0)
			job_fail_errno(errno, "read the blob");
		if (have == 0)
			job_fail(FAILED_DAMAGED, "the stored blob is shorter than it was");
		slot->length = (size_t)have;
		position += (uint64_t)have;
		pipeline->blob_bytes = position;
		ring_fill(&pipeline->compressed);
	}
	ring_end(&pipeline->compressed);
	rest(pipeline);
}

/* --- compressed pieces to the archive's -------------------------------------------------------------------------- */

struct next_piece {
	struct pipeline *pipeline;
	bool holds;
};

static bool next_piece(void *context, uint8_t **piece, size_t *length)
{
	struct next_piece *next = context;
	struct ring *ring = &next->pipeline->compressed;
	if (next->holds)
		ring_drain(ring);
	struct ring_slot *slot = ring_full(ring);
	next->holds = slot != NULL;
	if (slot == NULL)
		return false;
	*piece = slot->data;
	*length = slot->length;
	return true;
}

static uint8_t *flush_piece(void *context, uint8_t *buffer, size_t length)
{
	struct pipeline *pipeline = context;
	struct ring_slot *slot = ring_empty(&pipeline->archive);
	if (buffer != NULL && length > 0) {
		slot->length = length;
		ring_fill(&pipeline->archive);
		slot = ring_empty(&pipeline->archive);
	}
	return slot->data;
}

typedef const char *(*decoder)(struct input, struct output, uint8_t *, size_t);

/* By the first bytes, whatever the media type says, as other engines do: Docker's gzip type is found on zstd layers. */
static decoder sniff(const uint8_t *start, size_t length)
{
	static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd}, skippable[] = {0x2a, 0x4d, 0x18};
	if (length >= 2 && start[0] == 0x1f && start[1] == 0x8b)
		return gunzip;
	if (length >= 4 && memcmp(start, zstd, sizeof(zstd)) == 0)
		return unzstd;
	/* RFC 8878, section 3.1.2, which zstd:chunked and estargz-like layers may begin with. */
	if (length >= 4 && (start[0] & 0xf0) == 0x50 && memcmp(start + 1, skippable, sizeof(skippable)) == 0)
		return unzstd;
	return copy_plain;
}

/*
 * Whether a blob is a zstd frame of nothing, whole: one that was cut short ends without bytes as well.
 * (RFC 8878, section 3.1.1: magic, descriptor, window, content size, then one last raw block of no bytes.)
 */
static bool is_empty_frame(const uint8_t *blob, size_t length)
{
	static const uint8_t size_bytes[] = {0, 2, 4, 8}, last_empty_block[] = {1, 0, 0};
	if (length < 5 || length > 32)
		return false;
	bool single = (blob[4] & 0x20) != 0;
	size_t content_size = blob[4] >> 6 == 0 && single ? 1 : size_bytes[blob[4] >> 6];
	size_t block = 5 + (single ? 0 : 1) + content_size, checksum = (blob[4] & 4) != 0 ? 4 : 0;
	return length == block + 3 + checksum && memcmp(blob + block, last_empty_block, sizeof(last_empty_block)) == 0;
}

static void *decode_blob(void *argument)
{
	struct pipeline *pipeline = argument;
	wait_until_confined(pipeline);
	struct next_piece next = {.pipeline = pipeline};
	uint8_t *piece;
	size_t length;
	if (!next_piece(&next, &piece, &length))
		job_fail(FAILED_DAMAGED, "it is empty");
	decoder decode = sniff(piece, length);
	pipeline->may_be_empty = decode == gunzip || (decode == unzstd && is_empty_frame(piece, length));
	const char *wrong = decode((struct input){.next = next_piece, .context = &next},
				   (struct output){.flush = flush_piece, .context = pipeline}, piece, length);
	if (wrong != NULL)
		job_fail(FAILED_DAMAGED, "it does not decompress: %s", wrong);
	/* What is behind the archive's end belongs to the blob's digest all the same. */
	while (next_piece(&next, &piece, &length))
		;
	ring_end(&pipeline->archive);
	rest(pipeline);
}

/* --- the archive's pieces to its file and its tree --------------------------------------------------------------- */

static void check_growth(struct pipeline *pipeline)
{
	const struct limits *limits = pipeline->limits;
	uint64_t archive = pipeline->archive_bytes;
	if (archive > limits->max_archive_bytes)
		job_fail(FAILED_REFUSED, "it unpacks to more than %llu bytes",
			 (unsigned long long)limits->max_archive_bytes);
	if (archive > limits->ratio_free_bytes && archive / limits->max_ratio > pipeline->blob_bytes)
		job_fail(FAILED_REFUSED, "it unpacks to more than %llu times its size",
			 (unsigned long long)limits->max_ratio);
	if (archive < pipeline->space_checked_at)
		return;
	pipeline->space_checked_at = archive + SPACE_CHECK_BYTES;
	struct statfs space;
	if (fstatfs(FD_TAR, &space) < 0)
		job_fail_errno(errno, "fstatfs");
	uint64_t free_bytes = (uint64_t)space.f_bavail * (uint64_t)space.f_bsize;
	if (free_bytes < limits->min_free_bytes)
		job_fail(FAILED_FULL, "only %llu bytes are free on the filesystem of the layers",
			 (unsigned long long)free_bytes);
}

static void *write_archive(void *argument)
{
	struct pipeline *pipeline = argument;
	wait_until_confined(pipeline);
	for (struct ring_slot *slot; (slot = ring_full(&pipeline->archive)) != NULL; ring_drain(&pipeline->archive)) {
		pipeline->archive_bytes += slot->length;
		check_growth(pipeline);
		sha256_update(&pipeline->archive_hash, slot->data, slot->length);
		tar_push(&pipeline->tar, slot->data, slot->length);
		write_whole(FD_TAR, slot->data, slot->length);
	}
	/* An archive of no bytes is an empty layer: some builders write one for a step that changed nothing. */
	if (pipeline->archive_bytes == 0 && !pipeline->may_be_empty)
		job_fail(FAILED_DAMAGED, "it holds nothing");
	tar_finish(&pipeline->tar);
	/* The last member's block is not whole, and its file would end within what the index calls a block. */
	if (pipeline->tar.phase == TAR_SKIP)
		job_fail(FAILED_UNSUPPORTED, "it ends without its padding");
	pipeline->finished(pipeline);
	rest(pipeline);
}

/* --- start ------------------------------------------------------------------------------------------------------- */

static void start(void *(*run)(void *), struct pipeline *pipeline)
{
	pthread_t thread;
	int failed = pthread_create(&thread, NULL, run, pipeline);
	if (failed != 0)
		job_fail_errno(failed, "pthread_create");
	pthread_detach(thread);
}

void pipeline_start(struct pipeline *pipeline, const struct limits *limits, void (*finished)(struct pipeline *))
{
	/* Threads would ask how many processors there are, to have that many heaps. */
	mallopt(M_ARENA_MAX, 1);
	*pipeline = (struct pipeline){.limits = limits, .finished = finished};
	pthread_mutex_init(&pipeline->lock, NULL);
	pthread_cond_init(&pipeline->changed, NULL);
	sha256_init(&pipeline->archive_hash);
	tree_init(&pipeline->tree, limits->max_directory_name_bytes);
	applier_init(&pipeline->applier, &pipeline->tree, NULL, 0);
	tar_init(&pipeline->tar, limits->max_entries, member_apply, &pipeline->applier);
	if (ring_init(&pipeline->compressed, INPUT_SLACK, PIECE_BYTES, INPUT_SLACK) < 0 ||
	    ring_init(&pipeline->archive, WINDOW_BYTES, PIECE_BYTES, OUTPUT_SLACK) < 0)
		job_fail(FAILED_INTERNAL, "there is no memory for the buffers");
	start(read_blob, pipeline);
	start(decode_blob, pipeline);
	start(write_archive, pipeline);
	/* The start of a thread takes system calls that its work does not. */
	pthread_mutex_lock(&pipeline->lock);
	while (pipeline->waiting < THREADS)
		pthread_cond_wait(&pipeline->changed, &pipeline->lock);
	pthread_mutex_unlock(&pipeline->lock);
}

void pipeline_release(struct pipeline *pipeline)
{
	pthread_mutex_lock(&pipeline->lock);
	pipeline->confined = true;
	pthread_cond_broadcast(&pipeline->changed);
	pthread_mutex_unlock(&pipeline->lock);
}

void pipeline_advance(struct pipeline *pipeline, uint64_t available, bool final)
{
	pthread_mutex_lock(&pipeline->lock);
	if (available > pipeline->available)
		pipeline->available = available;
	pipeline->final = pipeline->final || final;
	pthread_cond_broadcast(&pipeline->changed);
	pthread_mutex_unlock(&pipeline->lock);
}
