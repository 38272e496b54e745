#include "internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void copy_cut(char *into, size_t size, const char *text)
{
	size_t length = strnlen(text, size - 1);
	memcpy(into, text, length);
	into[length] = '\0';
}

int crib_fail(struct crib_err *err, int errnum, const char *step, const char *path)
{
	if (err != NULL) {
		err->errnum = errnum;
		copy_cut(err->step, sizeof(err->step), step);
		copy_cut(err->path, sizeof(err->path), path == NULL ? "" : path);
	}
	return -errnum;
}

void crib_close_fd(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

int crib_abi_version(void)
{
	return CRIB_ABI_VERSION;
}
