#include <string.h>

#include "cleanup.h"
#include "kernel.h"
#include "stage.h"

#define KEYCTL_JOIN_SESSION_KEYRING 1
#define LABEL_SIZE 4096

int step_sysctl(struct stage *stage, const struct sysctl_step *step)
{
	int procfs = stage_procfs(stage);
	return procfs < 0 ? procfs : procfs_write_sysctl(procfs, step->key, step->value, &stage->failure);
}

int step_session_keyring(struct stage *stage, const char *name)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) >= 0)
		return 0;
	/* A kernel without keyrings has none to leak either. */
	return errno == ENOSYS ? 0 : stage_fail(stage, -errno, "keyctl", name);
}

static int open_attribute(struct stage *stage, int procfs, const char *file, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	int fd = sys_openat2(procfs, file, &how);
	return fd < 0 ? stage_fail(stage, fd, "openat2", file) : fd;
}

/*
 * "thread-self" is a link that only a procfs of this pid namespace resolves to us; RESOLVE_BENEATH and NO_XDEV hold it
 * inside the private one. The label is read back: a write that went anywhere else would leave the workload unconfined.
 */
static int set_label(struct stage *stage, const char *file, const char *text, const char *label)
{
	int procfs = stage_procfs(stage);
	if (procfs < 0)
		return procfs;
	int attribute cleanup_fd = open_attribute(stage, procfs, file, O_WRONLY);
	if (attribute < 0)
		return attribute;
	if (write(attribute, text, strlen(text)) < 0)
		return stage_fail(stage, -errno, "write", label);

	char back[LABEL_SIZE];
	int again cleanup_fd = open_attribute(stage, procfs, file, O_RDONLY);
	if (again < 0)
		return again;
	ssize_t length = read(again, back, sizeof(back) - 1);
	if (length < 0)
		return stage_fail(stage, -errno, "read", label);
	back[length] = '\0';
	size_t wanted = strlen(label);
	/* AppArmor answers "name (mode)\n", SELinux "label" with or without a NUL or newline. */
	bool same = strncmp(back, label, wanted) == 0 &&
		    (back[wanted] == '\0' || back[wanted] == '\n' || back[wanted] == ' ');
	return same ? 0 : stage_fail(stage, -EPERM, "label did not take", label);
}

int step_lsm_label(struct stage *stage, const struct lsm_label_step *step)
{
	if (step->lsm == LSM_SELINUX)
		return set_label(stage, "thread-self/attr/exec", step->label, step->label);
	static const char verb[] = "exec ";
	char text[LABEL_SIZE];
	size_t length = strlen(step->label);
	if (length + sizeof(verb) > sizeof(text))
		return stage_fail(stage, -ENAMETOOLONG, "label", step->label);
	memcpy(text, verb, sizeof(verb) - 1);
	memcpy(text + sizeof(verb) - 1, step->label, length + 1);
	/* The apparmor directory exists since 5.8 and is right when several modules are stacked. */
	int done = set_label(stage, "thread-self/attr/apparmor/exec", text, step->label);
	return done == -ENOENT ? set_label(stage, "thread-self/attr/exec", text, step->label) : done;
}
