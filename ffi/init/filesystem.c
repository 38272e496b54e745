#include <string.h>

#include "cleanup.h"
#include "kernel.h"
#include "stage.h"

#define OPTION_SIZE 256 /* fsconfig(2) takes no longer key or value */

int filesystem_open(struct stage *stage, const char *type)
{
	int fs = sys_fsopen(type);
	return fs < 0 ? stage_fail(stage, fs, "fsopen", type) : fs;
}

int filesystem_option(struct stage *stage, int fs, const char *option)
{
	char key[OPTION_SIZE];
	const char *equals = strchr(option, '=');
	size_t length = equals == NULL ? strlen(option) : (size_t)(equals - option);
	if (length >= sizeof(key))
		return stage_fail(stage, -EINVAL, "fsconfig", option);
	memcpy(key, option, length);
	key[length] = '\0';
	int set = equals == NULL ? sys_fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0)
				 : sys_fsconfig(fs, FSCONFIG_SET_STRING, key, equals + 1, 0);
	return set < 0 ? stage_fail(stage, set, "fsconfig", option) : 0;
}

int filesystem_create(struct stage *stage, int fs, uint64_t attributes, const char *path)
{
	int created = sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (created < 0)
		return stage_fail(stage, created, "fsconfig create", path);
	int mount = sys_fsmount(fs, (unsigned)attributes);
	return mount < 0 ? stage_fail(stage, mount, "fsmount", path) : mount;
}
