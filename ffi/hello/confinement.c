#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>

#include "hello.h"

static const char *const capability_names[] = {
	"chown",
	"dac_override",
	"dac_read_search",
	"fowner",
	"fsetid",
	"kill",
	"setgid",
	"setuid",
	"setpcap",
	"linux_immutable",
	"net_bind_service",
	"net_broadcast",
	"net_admin",
	"net_raw",
	"ipc_lock",
	"ipc_owner",
	"sys_module",
	"sys_rawio",
	"sys_chroot",
	"sys_ptrace",
	"sys_pacct",
	"sys_admin",
	"sys_boot",
	"sys_nice",
	"sys_resource",
	"sys_time",
	"sys_tty_config",
	"mknod",
	"lease",
	"audit_write",
	"audit_control",
	"setfcap",
	"mac_override",
	"mac_admin",
	"syslog",
	"wake_alarm",
	"block_suspend",
	"audit_read",
	"perfmon",
	"bpf",
	"checkpoint_restore",
};

static void show_capabilities(void)
{
	const char *mask = read_line("/proc/self/status", "CapEff");
	unsigned known = sizeof(capability_names) / sizeof(capability_names[0]);
	unsigned column = 0;
	if (mask == NULL)
		return;
	unsigned long long held = strtoull(mask, NULL, 16);
	label("capabilities");
	if (held == 0)
		printf("none");
	for (unsigned bit = 0; bit < 64; bit++) {
		if ((held >> bit & 1) == 0)
			continue;
		if (column > 0 && column % 6 == 0)
			printf("\n  %-12s ", "");
		printf("%s ", bit < known ? capability_names[bit] : "unknown");
		column++;
	}
	printf("\n");
}

static const char *seccomp_mode(void)
{
	switch (prctl(PR_GET_SECCOMP)) {
	case 0:
		return "off";
	case 2:
		return "filtered";
	default:
		return "unknown";
	}
}

void show_confinement(void)
{
	struct statvfs root;
	show_capabilities();
	label("seccomp");
	printf("%s\n", seccomp_mode());
	label("privileges");
	printf("%s\n",
	       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? "no new ones" : "set-user-id programs may add some");
	if (statvfs("/", &root) == 0) {
		label("root");
		printf("%s\n", (root.f_flag & ST_RDONLY) != 0 ? "read-only" : "writable");
	}
}
