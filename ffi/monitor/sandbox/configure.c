#include "monitor/sandbox/configure.h"

#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "init/init.h"

static int bring_loopback_up(struct failure *failure)
{
	int fd cleanup_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return failure_set(failure, -errno, "socket", "lo");
	struct ifreq interface = {.ifr_name = "lo"};
	if (ioctl(fd, SIOCGIFFLAGS, &interface) < 0)
		return failure_set(failure, -errno, "SIOCGIFFLAGS", "lo");
	interface.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &interface) < 0)
		return failure_set(failure, -errno, "SIOCSIFFLAGS", "lo");
	return 0;
}

static int write_sysctls(const struct setup_request *setup, int procfs, struct failure *failure)
{
	struct reader pairs = setup->sysctls;
	for (uint32_t i = 0; i < setup->sysctl_count; i++) {
		const char *key = read_string(&pairs);
		const char *value = read_string(&pairs);
		int written = procfs_write_sysctl(procfs, key, value, failure);
		if (written < 0)
			return written;
	}
	return 0;
}

int sandbox_configure(const struct setup_request *setup, int procfs, struct failure *failure)
{
	if (setup->hostname[0] != '\0' && sethostname(setup->hostname, strlen(setup->hostname)) < 0)
		return failure_set(failure, -errno, "sethostname", setup->hostname);
	int done = setup->loopback ? bring_loopback_up(failure) : 0;
	return done < 0 ? done : write_sysctls(setup, procfs, failure);
}
