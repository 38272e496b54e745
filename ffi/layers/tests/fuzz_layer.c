/*
 * libFuzzer over what reads strangers' bytes: the first byte says whether the rest is gzip, zstd or an archive. What an
 * archive describes becomes an index. -DFUZZ_SMOKE: mutations of its own, for machines without clang.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stub.h"

#include "../bytes.h"
#include "../erofs.h"
#include "../member.h"
#include "../tar.h"

#define PIECE 97
#define OUTPUT_MAX (8u << 20)

struct source {
	const uint8_t *at;
	size_t left;
	uint8_t piece[INPUT_SLACK + PIECE + INPUT_SLACK];
};

static bool next_piece(void *context, uint8_t **piece, size_t *length)
{
	struct source *source = context;
	size_t take = source->left < PIECE ? source->left : PIECE;
	if (take == 0)
		return false;
	/* Garbage around it: nobody may rely on what is there. */
	memset(source->piece, 0xa5, sizeof(source->piece));
	memcpy(source->piece + INPUT_SLACK, source->at, take);
	source->at += take;
	source->left -= take;
	*piece = source->piece + INPUT_SLACK;
	*length = take;
	return true;
}

struct sink {
	unsigned turn;
	size_t total;
	uint8_t *buffers[2];
};

static uint8_t *take_piece(void *context, uint8_t *buffer, size_t length)
{
	struct sink *sink = context;
	(void)buffer;
	if ((sink->total += length) > OUTPUT_MAX)
		job_fail(FAILED_REFUSED, "long enough");
	return sink->buffers[sink->turn++ % 2] + WINDOW_BYTES;
}

static void decode(const char *(*decoder)(struct input, struct output, uint8_t *, size_t), const uint8_t *bytes,
		   size_t length)
{
	static struct source source;
	static struct sink sink;
	source.at = bytes;
	source.left = length;
	for (int i = 0; i < 2; i++)
		if (sink.buffers[i] == NULL)
			sink.buffers[i] = malloc(WINDOW_BYTES + PIECE_BYTES + OUTPUT_SLACK);
	sink.turn = 0;
	sink.total = 0;
	uint8_t *piece;
	size_t have;
	if (next_piece(&source, &piece, &have) && setjmp(stub_failed) == 0)
		decoder((struct input){next_piece, &source}, (struct output){take_piece, &sink}, piece, have);
}

static int index_fd(void)
{
	static int fd = -1;
	if (fd < 0)
		fd = memfd_create("index", MFD_CLOEXEC);
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	return fd;
}

static void parse(const uint8_t *bytes, size_t length)
{
	static struct tree tree;
	static struct tar tar;
	static struct applier applier;
	struct rewrite rewrite = {.from = {.text = "lib", .length = 3}, .to = {.text = "usr/lib", .length = 7}};
	tree_init(&tree, 1 << 20);
	applier_init(&applier, &tree, &rewrite, length % 2);
	tar_init(&tar, 1000, member_apply, &applier);
	if (setjmp(stub_failed) == 0) {
		for (size_t at = 0; at < length; at += 700)
			tar_push(&tar, bytes + at, length - at < 700 ? length - at : 700);
		tar_finish(&tar);
		members_end(&applier);
		struct index_facts facts;
		erofs_write(&tree, index_fd(), length, (const uint8_t *)"0123456789abcdef", &facts);
	}
	tar_free(&tar);
	tree_free(&tree);
}

/* A header's checksum is right more often than chance has it. */
static void mend(uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at + TAR_BLOCK <= length; at += TAR_BLOCK) {
		uint8_t *block = bytes + at;
		if (memcmp(block + 257, "ustar", 5) != 0)
			continue;
		unsigned sum = 0;
		memset(block + 148, ' ', 8);
		for (size_t i = 0; i < TAR_BLOCK; i++)
			sum += block[i];
		snprintf((char *)block + 148, 8, "%06o", sum);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 4) {
	case 0:
		decode(gunzip, data + 1, size - 1);
		break;
	case 1:
		decode(unzstd, data + 1, size - 1);
		break;
	default: {
		uint8_t *copy = malloc(size);
		memcpy(copy, data + 1, size - 1);
		mend(copy, size - 1);
		parse(copy, size - 1);
		free(copy);
	}
	}
	return 0;
}

#ifdef FUZZ_SMOKE
/* Archives of a few members, bent. */
int main(void)
{
	static uint8_t input[1 + 16 * TAR_BLOCK];
	srandom(1);
	for (int round = 0; round < 20000; round++) {
		size_t length = 1 + (size_t)(random() % 16) * TAR_BLOCK;
		memset(input, 0, sizeof(input));
		input[0] = (uint8_t)(round % 8 == 0 ? 0 : 2);
		if (input[0] == 0)
			memcpy(input + 1, "\x1f\x8b\x08\0\0\0\0\0\0\0", 10);
		for (size_t at = 1; input[0] != 0 && at + TAR_BLOCK <= length; at += TAR_BLOCK) {
			static const char *const names[] = {"a",  "a/b",   "lib/x", "lib", "a/.wh.b", "a/.wh..wh..opq",
							    "./", "c/../a"};
			snprintf((char *)input + at, 100, "%s", names[random() % 8]);
			snprintf((char *)input + at + 157, 100, "%s", names[random() % 8]);
			memcpy(input + at + 257, "ustar", 6);
			input[at + 156] = (uint8_t) "0123456xgLK"[random() % 11];
		}
		for (int bends = (int)(random() % 8); bends > 0; bends--)
			input[1 + (size_t)random() % (sizeof(input) - 1)] = (uint8_t)random();
		for (size_t at = 11; input[0] == 0 && at < length; at++)
			input[at] = (uint8_t)random();
		LLVMFuzzerTestOneInput(input, length);
	}
	puts("ok fuzz_layer smoke");
	return 0;
}
#endif
