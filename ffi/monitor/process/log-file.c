#include "monitor/process/log-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"

#define LOG_MODE 0640 /* as containerd: log collectors read it through a group */

static int open_log(const struct host *host, const char *path)
{
	/* O_NONBLOCK: what turns out to be a fifo must not hold the monitor; checked and refused below. */
	int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	/* Two slashes: the daemon has resolved the links that are meant to be there, and any other is a trap. */
	bool resolved = path[0] == '/' && path[1] == '/';
	int fd cleanup_fd = host_open(host, path, flags, LOG_MODE, resolved ? RESOLVE_NO_SYMLINKS : 0);
	if (fd < 0)
		return fd;
	struct stat file;
	if (fstat(fd, &file) < 0)
		return -errno;
	if (!S_ISREG(file.st_mode))
		return -EINVAL;
	if (file.st_size == 0 && fchmod(fd, LOG_MODE) < 0)
		return -errno;
	return take_fd(&fd);
}

int log_open(struct log_file *log, const struct host *host, const char *path)
{
	log->fd = -1;
	if (path[0] == '\0')
		return 0;
	log->path = strdup(path);
	if (log->path == NULL)
		return -ENOMEM;
	log->fd = open_log(host, path);
	return log->fd < 0 ? log->fd : 0;
}

int log_reopen(struct log_file *log, const struct host *host)
{
	if (log->path == NULL)
		return 0;
	int fresh = open_log(host, log->path);
	if (fresh < 0)
		return fresh; /* the old file goes on being written */
	if (log->fd >= 0)
		close(log->fd);
	log->fd = fresh;
	log->torn = false;
	return 0;
}

void log_close(struct log_file *log)
{
	close_and_clear(&log->fd);
	free(log->path);
	log->path = NULL;
}

/* Writes until done or refused; returns the bytes written. */
static size_t write_all(int fd, struct iovec *vectors, int count)
{
	size_t total = 0;
	while (count > 0) {
		ssize_t written = writev(fd, vectors, count);
		if (written <= 0)
			return total;
		total += (size_t)written;
		size_t left = (size_t)written;
		while (count > 0 && left >= vectors->iov_len) {
			left -= vectors->iov_len;
			vectors++;
			count--;
		}
		if (count > 0) {
			vectors->iov_base = (char *)vectors->iov_base + left;
			vectors->iov_len -= left;
		}
	}
	return total;
}

/*
 * A full disk (or a limit, or a failing one) took `written` bytes of the batch: what reaches into an unfinished record
 * is cut off again, so that readers never see half a line. The rest is dropped and counted; the workload goes on.
 */
static void cut_torn_record(struct log_file *log, const struct cri_piece *pieces, int count, size_t extra,
			    size_t written)
{
	size_t whole = extra <= written ? extra : 0;
	int kept = 0;
	for (; kept < count; kept++) {
		size_t record = CRI_PREFIX_SIZE + pieces[kept].length + 1;
		if (whole + record > written)
			break;
		whole += record;
	}
	for (; kept < count; kept++)
		log->dropped_bytes += pieces[kept].length;
	if (written == whole)
		return;
	off_t end = lseek(log->fd, 0, SEEK_END);
	log->torn = end < 0 || ftruncate(log->fd, end - (off_t)(written - whole)) < 0;
}

void log_write(struct log_file *log, int stream, const struct cri_piece *pieces, int count)
{
	static struct iovec vectors[CRI_PIECES_MAX * 3 + 1];
	static char newline[] = "\n";
	char full[CRI_PREFIX_SIZE];
	char partial[CRI_PREFIX_SIZE];
	if (log->fd < 0 || count == 0)
		return;

	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	cri_prefix(full, now.tv_sec, now.tv_nsec, stream, false);
	cri_prefix(partial, now.tv_sec, now.tv_nsec, stream, true);
	int used = 0;
	size_t extra = log->torn ? 1 : 0;
	size_t total = extra;
	if (log->torn)
		vectors[used++] = (struct iovec){newline, 1};
	for (int i = 0; i < count; i++) {
		vectors[used++] = (struct iovec){pieces[i].partial ? partial : full, CRI_PREFIX_SIZE};
		vectors[used++] = (struct iovec){(void *)(uintptr_t)pieces[i].data, pieces[i].length};
		vectors[used++] = (struct iovec){newline, 1};
		total += CRI_PREFIX_SIZE + pieces[i].length + 1;
	}
	size_t written = write_all(log->fd, vectors, used);
	if (written > 0)
		log->torn = false;
	if (written < total)
		cut_torn_record(log, pieces, count, extra, written);
}
