#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "check.h"
#include "init/stage.h"

#define TERABYTE (1ll << 40)
#define DEPTH 1500

static char base[] = "/tmp/crib-copy-up-test-XXXXXX";

static void make_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && fchmod(fd, mode) == 0);
	close(fd);
}

/* A bound, for each of which the other way of doing it would need a descriptor or a frame of the stack. */
static void make_depth(void)
{
	int fd = open("root/data", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < DEPTH; i++) {
		CHECK(mkdirat(fd, "d", 0755) == 0);
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = next;
	}
	CHECK(mkdirat(fd, "bottom", 0711) == 0);
	close(fd);
}

static void make_tree(void)
{
	CHECK(mkdir("root", 0755) == 0 && mkdir("volume", 0755) == 0 && mkdir("outside", 0755) == 0);
	make_file("outside/secret", "of the host", 0644);
	CHECK(mkdir("root/data", 0750) == 0 && mkdir("root/data/sub", 01777) == 0);
	CHECK(chmod("root/data/sub", 01777) == 0);
	make_file("root/data/one", "one", 04755);
	CHECK(link("root/data/one", "root/data/sub/two") == 0);
	CHECK(symlink("../../outside", "root/data/out") == 0 && symlink("/data", "root/link") == 0);
	CHECK(mkfifo("root/data/fifo", 0620) == 0 && chmod("root/data/fifo", 0620) == 0);
	make_file("root/data/sparse", "start", 0600);
	CHECK(truncate("root/data/sparse", TERABYTE) == 0);
	/* Where the filesystem of the test takes them. */
	setxattr("root/data/one", "user.note", "kept", 4, 0);
	struct timespec times[] = {{.tv_sec = 1000}, {.tv_sec = 2000}};
	CHECK(utimensat(AT_FDCWD, "root/data", times, 0) == 0);
	make_depth();
	CHECK(utimensat(AT_FDCWD, "root/data", times, 0) == 0);
}

static int copy(const char *path, const char *to)
{
	struct stage stage = {.report = -1, .root = open("root", O_PATH | O_DIRECTORY), .joined = true};
	stage.slots[0] = open(to, O_RDONLY | O_DIRECTORY);
	struct copy_up_step step = {.slot = 0, .path = path};
	int copied = step_copy_up(&stage, &step);
	close(stage.root);
	close(stage.slots[0]);
	return copied;
}

static void keeps_what_files_are(void)
{
	struct stat stat;
	struct stat other;
	CHECK(copy("/link", "volume") == 0);
	CHECK(lstat("volume", &stat) == 0 && (stat.st_mode & 07777) == 0750 && stat.st_mtim.tv_sec == 2000);
	CHECK(lstat("volume/sub", &stat) == 0 && (stat.st_mode & 07777) == 01777);
	CHECK(lstat("volume/one", &stat) == 0 && (stat.st_mode & 07777) == 04755 && stat.st_nlink == 2);
	CHECK(lstat("volume/sub/two", &other) == 0 && other.st_ino == stat.st_ino);
	CHECK(lstat("root/data/one", &other) == 0 && other.st_ino != stat.st_ino);
	CHECK(lstat("volume/fifo", &stat) == 0 && S_ISFIFO(stat.st_mode) && (stat.st_mode & 07777) == 0620);
	char value[8];
	if (getxattr("root/data/one", "user.note", value, sizeof(value)) == 4)
		CHECK(getxattr("volume/one", "user.note", value, sizeof(value)) == 4);
}

static void leaves_holes_and_links_alone(void)
{
	struct stat stat;
	CHECK(lstat("volume/sparse", &stat) == 0 && stat.st_size == TERABYTE && stat.st_blocks < 2048);
	CHECK(lstat("volume/out", &stat) == 0 && S_ISLNK(stat.st_mode));
}

static void goes_deep(void)
{
	int fd = open("volume", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < DEPTH && fd >= 0; i++) {
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = next;
	}
	struct stat stat;
	CHECK(fd >= 0 && fstatat(fd, "bottom", &stat, 0) == 0 && (stat.st_mode & 07777) == 0711);
	close(fd);
}

static void takes_nothing_where_nothing_is(void)
{
	CHECK(mkdir("empty", 0755) == 0 && copy("/absent", "empty") == 0);
	CHECK(rmdir("empty") == 0);
	CHECK(mkdir("empty", 0755) == 0 && copy("/data/one", "empty") == -ENOTDIR);
	/* A link leads as far as the root does: here "/outside" is not in it. */
	CHECK(copy("/data/out", "empty") == 0 && rmdir("empty") == 0);
}

int main(void)
{
	CHECK(mkdtemp(base) != NULL && chdir(base) == 0);
	make_tree();
	keeps_what_files_are();
	leaves_holes_and_links_alone();
	goes_deep();
	takes_nothing_where_nothing_is();
	CHECK(chdir("/") == 0);
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", base);
	CHECK(system(command) == 0);
	return checks_passed();
}
