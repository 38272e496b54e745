#include "copy-inode.h"

#include <limits.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#include "cleanup.h"
#include "kernel.h"

#define SEND_MAX (1u << 30)

static char names[XATTR_LIST_MAX];
static char value[XATTR_SIZE_MAX];

static int failed(const char **what, const char *call)
{
	*what = call;
	return -errno;
}

/* The label is the policy's to give, and what the target's filesystem has no place for was of no use on it. */
static bool is_left_out(const char *name)
{
	return strcmp(name, "security.selinux") == 0;
}

/* After the owner: changing that takes file capabilities away. */
static int copy_xattrs(int from, int to, const char **what)
{
	ssize_t length = flistxattr(from, names, sizeof(names));
	if (length < 0)
		return errno == ENOTSUP ? 0 : failed(what, "flistxattr");
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		if (is_left_out(name))
			continue;
		ssize_t size = fgetxattr(from, name, value, sizeof(value));
		if (size < 0)
			return failed(what, "fgetxattr");
		if (fsetxattr(to, name, value, (size_t)size, 0) < 0 && errno != ENOTSUP)
			return failed(what, "fsetxattr");
	}
	return 0;
}

static int copy_attributes(int from, int to, const struct stat *stat, const char **what)
{
	if (fchown(to, stat->st_uid, stat->st_gid) < 0)
		return failed(what, "fchown");
	int copied = copy_xattrs(from, to, what);
	if (copied < 0)
		return copied;
	if (fchmod(to, stat->st_mode & 07777) < 0)
		return failed(what, "fchmod");
	const struct timespec times[] = {stat->st_atim, stat->st_mtim};
	return futimens(to, times) < 0 ? failed(what, "futimens") : 0;
}

int copy_directory_attributes(int from, int to, const struct stat *stat, const char **what)
{
	return copy_attributes(from, to, stat, what);
}

static int copy_extent(int from, int to, off_t start, off_t end, const char **what)
{
	if (lseek(to, start, SEEK_SET) < 0)
		return failed(what, "lseek");
	while (start < end) {
		off_t left = end - start;
		ssize_t sent = sendfile(to, from, &start, left > SEND_MAX ? SEND_MAX : (size_t)left);
		if (sent < 0)
			return failed(what, "sendfile");
		if (sent == 0)
			break;
	}
	return 0;
}

/* Holes stay holes: an image of a few bytes may hold a file of terabytes. */
static int copy_content(int from, int to, off_t size, const char **what)
{
	for (off_t at = 0; at < size;) {
		off_t data = lseek(from, at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		off_t end = data < 0 ? size : lseek(from, data, SEEK_HOLE);
		if (data < 0)
			data = at;
		if (end < 0)
			end = size;
		int copied = copy_extent(from, to, data, end, what);
		if (copied < 0)
			return copied;
		at = end;
	}
	return ftruncate(to, size) < 0 ? failed(what, "ftruncate") : 0;
}

static int copy_file(int from, int to, const char *name, const struct stat *stat, const char **what)
{
	int source cleanup_fd = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (source < 0)
		return failed(what, "openat");
	int target cleanup_fd = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (target < 0)
		return failed(what, "openat");
	int copied = copy_content(source, target, stat->st_size, what);
	return copied < 0 ? copied : copy_attributes(source, target, stat, what);
}

/* Links have no mode, and none of the attributes that anybody but the policy gives them. */
static int copy_link(int from, int to, const char *name, const char **what)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from, name, target, sizeof(target) - 1);
	if (length < 0)
		return failed(what, "readlinkat");
	target[length] = '\0';
	return symlinkat(target, to, name) < 0 ? failed(what, "symlinkat") : 0;
}

static int copy_node(int to, const char *name, const struct stat *stat, const char **what)
{
	if (mknodat(to, name, (stat->st_mode & S_IFMT) | 0600, stat->st_rdev) < 0)
		return failed(what, "mknodat");
	return 0;
}

int copy_inode(int from, int to, const char *name, const struct stat *stat, const char **what)
{
	if (S_ISREG(stat->st_mode))
		return copy_file(from, to, name, stat, what);
	bool link = S_ISLNK(stat->st_mode);
	int made = link ? copy_link(from, to, name, what) : copy_node(to, name, stat, what);
	if (made < 0)
		return made;
	if (fchownat(to, name, stat->st_uid, stat->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(what, "fchownat");
	if (!link && fchmodat(to, name, stat->st_mode & 07777, 0) < 0)
		return failed(what, "fchmodat");
	const struct timespec times[] = {stat->st_atim, stat->st_mtim};
	return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? failed(what, "utimensat") : 0;
}
