#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "init/overlay-page.h"
#include "init/stage.h"

/*
 * The page of options for overlayfs: read back as the kernel splits it, it must name the layers, directories and
 * options that went in and nothing else, or be refused. The input: how many layers, then texts, each ended by a NUL:
 * upper, work, options.
 */

/* Only overlay_by_page needs these, which is not asked here. */
int stage_fail(struct stage *stage, int code, const char *call, const char *path)
{
	(void)stage;
	(void)call;
	(void)path;
	return code;
}

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The next option, as overlayfs takes it apart: up to a comma that no backslash stands before and no quote holds. */
static char *next_option(char **rest)
{
	char *begin = *rest;
	if (begin == NULL)
		return NULL;
	bool quoted = false;
	for (char *at = begin; *at != '\0'; at++) {
		if (*at == '"')
			quoted = !quoted;
		if (*at == '\\' && at[1] != '\0') {
			at++;
			continue;
		}
		if (*at == ',' && !quoted) {
			*at = '\0';
			*rest = at + 1;
			return begin;
		}
	}
	*rest = NULL;
	return begin;
}

static void unescape(char *text)
{
	char *into = text;
	for (; *text != '\0'; text++) {
		if (*text == '\\' && text[1] != '\0')
			text++;
		*into++ = *text;
	}
	*into = '\0';
}

static bool is_option(char *option, const char *key, const char *value)
{
	if (option == NULL || strncmp(option, key, strlen(key)) != 0)
		return false;
	unescape(option);
	return strcmp(option + strlen(key), value) == 0;
}

/* The texts in the form of the wire, as plan_open leaves them: no NUL inside, checked. */
static uint32_t put_option(uint8_t *wire, size_t *at, const char *text)
{
	uint32_t length = (uint32_t)strlen(text);
	memcpy(wire + *at, &length, sizeof(length));
	memcpy(wire + *at + sizeof(length), text, length + 1);
	*at += sizeof(length) + length + 1;
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const int layers[OVERLAY_LAYERS_MAX] = {7, 12, 1000000, 0};
	static uint8_t wire[1 << 18];
	static char text[1 << 15];
	if (length < 3 || length > 16000)
		return 0;
	unsigned count = 1 + (unsigned)(bytes[0] | bytes[1] << 8) % OVERLAY_LAYERS_MAX;
	memcpy(text, bytes + 2, length - 2);
	text[length - 2] = '\0';
	const char *end = text + length - 2;
	const char *upper = text;
	const char *work = upper + strlen(upper) < end ? upper + strlen(upper) + 1 : end;
	struct rootfs_step step = {.upper = upper, .work = work, .attach_at = "/"};
	size_t used = 0;
	bool plain = true;
	for (const char *at = work + strlen(work); at < end && used < sizeof(wire) - 70000;) {
		at++;
		/* Options are the compiler's own words, not a stranger's: commas and backslashes are no part of them.
		 */
		plain &= strpbrk(at, ",\\\"") == NULL;
		step.options.count += put_option(wire, &used, at);
		at += strlen(at);
	}
	step.options.items = reader_over(wire, used);

	char *page = malloc(OVERLAY_PAGE);
	require(page != NULL);
	int full = overlay_page(page, layers, count, &step);
	require(full == 0 || full == -ENAMETOOLONG);
	if (full == 0) {
		require(memchr(page, '\0', OVERLAY_PAGE) != NULL);
		char *rest = page;
		char *lower = next_option(&rest);
		require(lower != NULL && strncmp(lower, "lowerdir=", 9) == 0);
		unsigned colons = 0;
		for (; *lower != '\0'; lower++)
			colons += *lower == ':';
		require(colons == count - 1);
		/* A quote in a path is a quote to the kernel nowhere but in a label. */
		bool quotes = strchr(upper, '"') != NULL || strchr(work, '"') != NULL;
		if (*upper != '\0' && !quotes) {
			require(is_option(next_option(&rest), "upperdir=", upper));
			require(is_option(next_option(&rest), "workdir=", work));
		}
		uint32_t options = 0;
		while (next_option(&rest) != NULL)
			options++;
		require(!plain || quotes || options == step.options.count);
	}
	free(page);
	return 0;
}
