#include "check.h"
#include "crib.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct crib_tree_usage measure(const char *path, uint64_t max_entries)
{
	struct crib_tree_limits limits = {.max_entries = max_entries, .max_ms = 20000};
	struct crib_tree_usage usage = {0};
	int fd = crib_tree_usage(path, &limits, NULL);
	CHECK(fd >= 0);
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	CHECK(poll(&wait, 1, 30000) == 1);
	CHECK(read(fd, &usage, sizeof(usage)) == (ssize_t)sizeof(usage));
	close(fd);
	return usage;
}

static void write_file(const char *name, size_t bytes)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char block[4096] = {1};
	for (size_t done = 0; done < bytes; done += sizeof(block))
		CHECK(write(fd, block, sizeof(block)) == (ssize_t)sizeof(block));
	CHECK(fsync(fd) == 0);
	close(fd);
}

static void names_links_and_depth(const char *root)
{
	CHECK(chdir(root) == 0);
	CHECK(mkdir("\377\200not utf-8", 0700) == 0);
	write_file("\377\200not utf-8/in it", 64 * 4096);
	CHECK(symlink("/", "to the root") == 0);
	CHECK(symlink("\377\200not utf-8", "to a directory") == 0);
	write_file("once", 16 * 4096);
	for (int i = 0; i < 3000; i++) {
		char name[32];
		snprintf(name, sizeof(name), "again-%d", i);
		CHECK(link("once", name) == 0);
	}
	struct crib_tree_usage usage = measure(root, 1000000);
	CHECK(usage.failure == 0 && usage.incomplete == 0);
	/* The directory, its file, two links, and one file of 3001 names. */
	CHECK(usage.inodes == 5);
	CHECK(usage.blocks * 512 >= 80 * 4096 && usage.blocks * 512 < 160 * 4096);

	/* A path of 150 KB, over PATH_MAX and deeper than there are descriptors for. */
	char name[251];
	memset(name, 'd', 250);
	name[250] = '\0';
	for (int i = 0; i < 600; i++) {
		CHECK(mkdir(name, 0700) == 0);
		CHECK(mkdir("beside", 0700) == 0);
		CHECK(chdir(name) == 0);
	}
	write_file("at the bottom", 32 * 4096);
	usage = measure(root, 1000000);
	CHECK(usage.failure == 0 && usage.incomplete == 0);
	CHECK(usage.inodes == 5 + 2 * 600 + 1);
	CHECK(usage.blocks * 512 >= 112 * 4096);
	CHECK(chdir("/") == 0);
}

static void limits_are_kept(const char *root)
{
	struct crib_tree_usage usage = measure(root, 700);
	CHECK(usage.incomplete == 1 && usage.entries <= 701);
}

static void what_is_no_directory_is_told(void)
{
	CHECK(measure("/nonexistent/layer", 10).failure == ENOENT);
	CHECK(measure("/proc/self/exe", 10).failure != 0);
}

int main(void)
{
	char root[] = "/tmp/crib-tree-usage-XXXXXX";
	char command[64];
	CHECK(mkdtemp(root) != NULL);
	names_links_and_depth(root);
	limits_are_kept(root);
	what_is_no_directory_is_told();
	snprintf(command, sizeof(command), "rm -rf %s", root);
	CHECK(system(command) == 0);
	return 0;
}
