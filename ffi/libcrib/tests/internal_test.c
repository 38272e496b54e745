#include "check.h"
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void long_texts_are_cut_and_terminated(void)
{
	char text[1000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct crib_err err;
	memset(&err, 0xff, sizeof(err));
	CHECK(crib_fail(&err, ENOENT, text, text) == -ENOENT);
	CHECK(err.errnum == ENOENT);
	CHECK(strlen(err.step) == sizeof(err.step) - 1);
	CHECK(strlen(err.path) == sizeof(err.path) - 1);
}

static void missing_parts_are_no_crash(void)
{
	struct crib_err err;
	CHECK(crib_fail(NULL, EINVAL, "step", "path") == -EINVAL);
	CHECK(crib_fail(&err, EINVAL, "step", NULL) == -EINVAL);
	CHECK(err.path[0] == '\0');
}

static void closing_leaves_errno_alone(void)
{
	int closed = open("/dev/null", O_RDONLY | O_CLOEXEC);
	CHECK(closed >= 0);
	close(closed);
	errno = ENOSPC;
	crib_close_fd(&closed);
	CHECK(errno == ENOSPC);
	int none = -1;
	crib_close_fd(&none);
	CHECK(errno == ENOSPC);
}

int main(void)
{
	/* TypeScript reads the record by offset. */
	_Static_assert(sizeof(struct crib_err) == 256, "src/kernel/linux/linux-failure.ts knows 256 bytes");
	_Static_assert(offsetof(struct crib_err, step) == 4, "and the step at 4");
	_Static_assert(offsetof(struct crib_err, path) == 32, "and the path at 32");
	_Static_assert(sizeof(struct crib_seccomp_arg) == 24, "src/kernel/linux/linux-seccomp.ts writes 24 bytes");
	long_texts_are_cut_and_terminated();
	missing_parts_are_no_crash();
	closing_leaves_errno_alone();
	return 0;
}
