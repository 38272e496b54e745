#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/resolve.h"

/*
 * Paths inside a root that somebody else has furnished: the input makes directories, files and links of any target in a
 * real directory, and asks for paths to be made there. Whatever it says, nothing is made beside the root, what comes
 * back lies below it, and no descriptor is left. Input: lines "d PATH", "f PATH", "l NAME TARGET", "c PATH", "p PATH",
 * "x NAME NAME" (exchanged).
 */

static char base[PATH_MAX / 4];
static char root_path[PATH_MAX / 4];
static int outside = -1;
static int root = -1;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void run(const char *command)
{
	char line[PATH_MAX];
	snprintf(line, sizeof(line), command, base);
	require(system(line) == 0);
}

static void leave(void)
{
	run("rm -rf %s");
}

static void open_base(void)
{
	const char *temporary = getenv("TMPDIR");
	snprintf(base, sizeof(base) - 20, "%s/crib-fuzz-resolve-XXXXXX", temporary == NULL ? "/tmp" : temporary);
	require(mkdtemp(base) != NULL);
	atexit(leave);
	int length = snprintf(root_path, sizeof(root_path), "%s/outside/root", base);
	require(length < (int)sizeof(root_path));
	run("mkdir -p %s/outside/root");
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/outside", base);
	outside = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	require(outside >= 0);
}

/* Below the root, or it: what the kernel calls it begins so. */
static void require_inside(int fd)
{
	char link[64];
	char path[8192];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	size_t prefix = strlen(root_path);
	require(length >= (ssize_t)prefix && strncmp(path, root_path, prefix) == 0);
	require(length == (ssize_t)prefix || path[prefix] == '/');
}

static void judge(int fd)
{
	/* Descriptor 0 would be taken for "begin again". */
	require(fd != 0 && fd > -4096);
	if (fd < 0)
		return;
	require_inside(fd);
	close(fd);
}

static void obey(char *line)
{
	if (line[0] == '\0' || line[1] == '\0')
		return;
	char *path = line + 2;
	char *second = strchr(path, ' ');
	const char *name;
	switch (line[0]) {
	case 'd':
		/* Furniture is put in by its maker, into the root itself; only what a link points to is free. */
		if (strchr(path, '/') == NULL)
			mkdirat(root, path, 0755);
		break;
	case 'l':
		if (second == NULL)
			break;
		*second = '\0';
		if (strchr(path, '/') == NULL)
			symlinkat(second + 1, root, path);
		break;
	case 'x':
		if (second == NULL)
			break;
		*second = '\0';
		if (strchr(path, '/') == NULL && strchr(second + 1, '/') == NULL && strcmp(path, "..") != 0 &&
		    strcmp(second + 1, "..") != 0)
			renameat2(root, path, root, second + 1, RENAME_EXCHANGE);
		break;
	case 'c':
		judge(resolve_create(root, path, RESOLVE_DIRECTORY));
		break;
	case 'f':
		judge(resolve_create(root, path, RESOLVE_FILE));
		break;
	case 'p': {
		int parent = resolve_parent(root, path, &name);
		require(parent < 0 || (*name != '\0' && strchr(name, '/') == NULL && strcmp(name, "..") != 0));
		judge(parent);
		break;
	}
	default:
		judge(resolve_open(root, path, O_PATH, 0));
	}
}

/* How many names the directory has. */
static unsigned entries(int fd)
{
	unsigned count = 0;
	DIR *listing = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	require(listing != NULL);
	for (const struct dirent *entry; (entry = readdir(listing)) != NULL;)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(listing);
	return count;
}

static int forget(const char *path, const struct stat *file, int kind, struct FTW *place)
{
	(void)file;
	(void)kind;
	return place->level == 0 ? 0 : remove(path);
}

/* Nothing but the root lies beside the root. */
static void require_untouched(void)
{
	require(entries(outside) == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static char text[4097];
	if (outside < 0)
		open_base();
	if (length > sizeof(text) - 1)
		return 0;
	root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	require(root >= 0);
	memcpy(text, bytes, length);
	text[length] = '\0';
	unsigned lines = 0;
	for (char *line = text, *next; line != NULL && lines < 24; line = next, lines++) {
		next = memchr(line, '\n', (size_t)(text + length - line));
		if (next != NULL)
			*next++ = '\0';
		obey(line);
	}
	require_untouched();
	close(root);
	int next = open(root_path, O_PATH | O_CLOEXEC);
	require(next == root); /* the lowest free number again: nothing in between was left open */
	close(next);
	if (nftw(root_path, forget, 16, FTW_DEPTH | FTW_PHYS) != 0)
		run("cd %s/outside/root && find . -mindepth 1 -delete"); /* deeper than a path is long */
	return 0;
}
