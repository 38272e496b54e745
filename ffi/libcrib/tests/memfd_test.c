#include "check.h"
#include "crib.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void sealed_means_sealed(void)
{
	static const uint8_t bytes[] = "content";
	struct crib_err err;
	int fd = crib_sealed_memfd("crib-test", bytes, sizeof(bytes), &err);
	CHECK(fd >= 0);
	int wanted = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	CHECK((fcntl(fd, F_GET_SEALS) & wanted) == wanted);
	CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK(crib_write_all(fd, bytes, 1) == -EPERM);
	CHECK(ftruncate(fd, 0) < 0 && errno == EPERM);
	close(fd);
}

static void failures_name_their_step(void)
{
	struct crib_err err;
	char name[300];
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK(crib_sealed_memfd(name, NULL, 0, &err) == -EINVAL);
	CHECK(strcmp(err.step, "memfd_create") == 0);
}

int main(void)
{
	sealed_means_sealed();
	failures_name_their_step();
	return 0;
}
