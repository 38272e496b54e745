#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "hello.h"

static void show_user(void)
{
	gid_t groups[64];
	int count = getgroups(64, groups);
	label("user");
	printf("uid %u, gid %u", (unsigned)getuid(), (unsigned)getgid());
	for (int i = 0; i < count; i++)
		printf("%s%u", i == 0 ? ", groups " : " ", (unsigned)groups[i]);
	printf("\n");
}

void show_identity(void)
{
	struct utsname host;
	char directory[PATH_MAX];
	if (uname(&host) == 0) {
		label("host");
		printf("%s\n", host.nodename);
		label("kernel");
		printf("%s %s %s\n", host.sysname, host.release, host.machine);
	}
	label("process");
	printf("pid %d%s\n", (int)getpid(), getpid() == 1 ? ", the first of its namespace" : "");
	show_user();
	if (getcwd(directory, sizeof(directory)) != NULL) {
		label("directory");
		printf("%s\n", directory);
	}
}

void show_namespaces(void)
{
	static const char *const kinds[] = {"mnt", "pid", "net", "ipc", "uts", "cgroup", "user", "time"};
	label("namespaces");
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char path[64];
		char link[64];
		snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
		ssize_t length = readlink(path, link, sizeof(link) - 1);
		if (length <= 0)
			continue;
		link[length] = '\0';
		const char *number = strchr(link, '[');
		printf("%s %.*s  ", kinds[i], number == NULL ? 0 : (int)strcspn(number + 1, "]"),
		       number == NULL ? "" : number + 1);
	}
	printf("\n");
}
