#include "resolve.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "kernel.h"

/* openat2 gives EAGAIN when a rename anywhere raced a resolution with ".."; an attacker can keep that up, so bounded.
 */
#define RESOLVE_ATTEMPTS 128
#define LINKS_MAX 40

int resolve_open(int root, const char *path, int flags, uint64_t also)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | also,
	};
	int fd = -EAGAIN;
	for (int attempt = 0; attempt < RESOLVE_ATTEMPTS && fd == -EAGAIN; attempt++)
		fd = sys_openat2(root, path, &how);
	return fd;
}

/* Makes one name in `parent`; a name that exists is fine: it is opened, not assumed. */
static int make(int parent, const char *name, enum resolve_kind kind)
{
	if (kind == RESOLVE_DIRECTORY)
		return mkdirat(parent, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
	int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

/*
 * `work` holds a path whose component [start, end) in `parent` is a link: puts the link's target in its place. The
 * result is resolved from the root again, so the target's own links and dots are the kernel's business, not ours.
 */
static int splice_link(int parent, char *work, size_t start, size_t end)
{
	char target[PATH_MAX];
	char joined[PATH_MAX];
	char name[NAME_MAX + 1];
	memcpy(name, work + start, end - start);
	name[end - start] = '\0';
	ssize_t length = readlinkat(parent, name, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	size_t kept = target[0] == '/' ? 0 : start;
	size_t rest = strlen(work + end);
	if (kept + (size_t)length + rest >= sizeof(joined))
		return -ENAMETOOLONG;
	memcpy(joined, work, kept);
	memcpy(joined + kept, target, (size_t)length);
	memcpy(joined + kept + (size_t)length, work + end, rest + 1);
	memcpy(work, joined, kept + (size_t)length + rest + 1);
	return 0;
}

/*
 * One walk over `work` that makes what is missing. Returns a descriptor, -errno, or 0 after a dangling link was spliced
 * and the walk has to start over (descriptor 0 is never one of ours: it is the workload's stdin).
 */
static int walk(int root, char *work, enum resolve_kind kind)
{
	int current cleanup_fd = resolve_open(root, ".", O_PATH | O_DIRECTORY, 0);
	if (current < 0)
		return current;
	size_t at = 0;
	for (;;) {
		while (work[at] == '/')
			at++;
		if (work[at] == '\0')
			return take_fd(&current);
		size_t start = at;
		while (work[at] != '\0' && work[at] != '/')
			at++;
		if (at - start > NAME_MAX)
			return -ENAMETOOLONG;

		char after = work[at];
		bool last = work[at + strspn(work + at, "/")] == '\0';
		work[at] = '\0';
		int next = resolve_open(root, work, O_PATH, 0);
		const char *name = work + start;
		bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
		if (next == -ENOENT && !dots) {
			int made = make(current, name, last ? kind : RESOLVE_DIRECTORY);
			if (made < 0)
				return made;
			next = resolve_open(root, work, O_PATH, 0);
		}
		work[at] = after;
		if (next == -ENOENT && !dots)
			return splice_link(current, work, start, at);
		if (next < 0)
			return next;
		close(current);
		current = next;
	}
}

int resolve_create(int root, const char *path, enum resolve_kind kind)
{
	int fd = resolve_open(root, path, O_PATH, 0);
	if (fd != -ENOENT)
		return fd;
	char work[PATH_MAX];
	size_t length = strlen(path);
	if (length >= sizeof(work))
		return -ENAMETOOLONG;
	memcpy(work, path, length + 1);
	for (int links = 0; links < LINKS_MAX; links++) {
		fd = walk(root, work, kind);
		if (fd != 0)
			return fd;
	}
	return -ELOOP;
}

int resolve_parent(int root, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	*name = slash == NULL ? path : slash + 1;
	if (**name == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		return -EINVAL;
	char parent[PATH_MAX];
	size_t length = (size_t)(*name - path);
	if (length >= sizeof(parent))
		return -ENAMETOOLONG;
	memcpy(parent, path, length);
	parent[length] = '\0';
	return resolve_create(root, length == 0 ? "/" : parent, RESOLVE_DIRECTORY);
}
