#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Newer than Debian 12's headers. */
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/*
 * MFD_EXEC (Linux 6.3) is asked for first: with vm.memfd_noexec=1 a memfd without it would not be executable.
 * Kernels before 6.3 refuse the flag with EINVAL and make every memfd executable.
 */
int crib_sealed_memfd(const char *name, const uint8_t *bytes, size_t length, struct crib_err *err)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd < 0)
		return crib_fail(err, errno, "memfd_create", name);

	cleanup_close int owned = fd;
	int result = crib_write_all(owned, bytes, length);
	if (result < 0)
		return crib_fail(err, -result, "write", name);
	if (fchmod(owned, 0500) < 0)
		return crib_fail(err, errno, "fchmod", name);

	/* F_SEAL_EXEC (Linux 6.3) also freezes the mode; where it is unknown the other seals still hold. */
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	if (fcntl(owned, F_ADD_SEALS, seals | F_SEAL_EXEC) < 0) {
		if (errno != EINVAL || fcntl(owned, F_ADD_SEALS, seals) < 0)
			return crib_fail(err, errno, "fcntl F_ADD_SEALS", name);
	}
	/* Last and alone: after it no seal could be added any more. */
	if (fcntl(owned, F_ADD_SEALS, F_SEAL_SEAL) < 0)
		return crib_fail(err, errno, "fcntl F_ADD_SEALS", name);
	owned = -1;
	return fd;
}
