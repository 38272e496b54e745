#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "init/resolve.h"

static char base[] = "/tmp/crib-resolve-test-XXXXXX";
static int root;
static int outside;

static bool exists(int dir, const char *path, mode_t type)
{
	struct stat found;
	return fstatat(dir, path, &found, AT_SYMLINK_NOFOLLOW) == 0 && (found.st_mode & S_IFMT) == type;
}

static int create(const char *path, enum resolve_kind kind)
{
	int fd = resolve_create(root, path, kind);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void makes_what_is_missing(void)
{
	CHECK(create("/a/b/c", RESOLVE_DIRECTORY) == 0 && exists(root, "a/b/c", S_IFDIR));
	CHECK(create("/a/b/c", RESOLVE_DIRECTORY) == 0);
	CHECK(create("a//x/./file", RESOLVE_FILE) == 0 && exists(root, "a/x/file", S_IFREG));
	CHECK(create("/a/x/file/below", RESOLVE_DIRECTORY) == -ENOTDIR);
	CHECK(create("/a/missing/../y", RESOLVE_DIRECTORY) == 0 && exists(root, "a/y", S_IFDIR));
}

static void follows_links_inside_the_root(void)
{
	CHECK(symlinkat("/run", root, "absolute") == 0);
	CHECK(create("/absolute/secrets", RESOLVE_DIRECTORY) == 0 && exists(root, "run/secrets", S_IFDIR));
	CHECK(symlinkat("../relative/target", root, "a/link") == 0);
	CHECK(create("/a/link/file", RESOLVE_FILE) == 0 && exists(root, "relative/target/file", S_IFREG));
	CHECK(symlinkat("loop2", root, "loop1") == 0 && symlinkat("loop1", root, "loop2") == 0);
	CHECK(create("/loop1/x", RESOLVE_DIRECTORY) == -ELOOP);
}

/* Every way out that an image could build leads back in, or nowhere. */
static void never_leaves_the_root(void)
{
	CHECK(symlinkat("../../../../../../../../outside", root, "up") == 0);
	CHECK(create("/up/made", RESOLVE_DIRECTORY) == 0);
	CHECK(exists(root, "outside/made", S_IFDIR) && !exists(outside, "made", S_IFDIR));
	CHECK(create("/../../made-too", RESOLVE_FILE) == 0 && exists(root, "made-too", S_IFREG));
	CHECK(symlinkat("/proc/self/fd/0", root, "magic") == 0);
	CHECK(create("/magic", RESOLVE_FILE) == 0 && exists(root, "proc/self/fd/0", S_IFREG));
}

static void finds_parents(void)
{
	const char *name;
	int parent = resolve_parent(root, "/dev/net/tun", &name);
	CHECK(parent >= 0 && strcmp(name, "tun") == 0 && exists(root, "dev/net", S_IFDIR));
	close(parent);
	parent = resolve_parent(root, "top", &name);
	CHECK(parent >= 0 && strcmp(name, "top") == 0);
	close(parent);
	CHECK(resolve_parent(root, "/", &name) == -EINVAL);
	CHECK(resolve_parent(root, "/a/..", &name) == -EINVAL);
	CHECK(resolve_parent(root, "/a/", &name) == -EINVAL);
}

static void bounds_names(void)
{
	char long_name[300];
	char long_path[5000];
	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[0] = '/';
	long_name[sizeof(long_name) - 1] = '\0';
	CHECK(create(long_name, RESOLVE_DIRECTORY) == -ENAMETOOLONG);
	memset(long_path, '/', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	CHECK(create(long_path, RESOLVE_DIRECTORY) == -ENAMETOOLONG);
}

int main(void)
{
	char path[64];
	CHECK(mkdtemp(base) != NULL);
	snprintf(path, sizeof(path), "%s/outside", base);
	CHECK(mkdir(path, 0700) == 0);
	outside = open(path, O_PATH | O_DIRECTORY);
	snprintf(path, sizeof(path), "%s/root", base);
	CHECK(mkdir(path, 0700) == 0);
	root = open(path, O_PATH | O_DIRECTORY);
	CHECK(root >= 0 && outside >= 0);
	makes_what_is_missing();
	follows_links_inside_the_root();
	never_leaves_the_root();
	finds_parents();
	bounds_names();
	snprintf(path, sizeof(path), "rm -rf %s", base);
	CHECK(system(path) == 0);
	return checks_passed();
}
