#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "kernel.h"
#include "resolve.h"
#include "stage.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * The directory is opened before the stage's descriptors are closed and entered after, so that neither the name nor
 * what it leads through can be one of them; getcwd then says whether it lies inside the root (CVE-2024-21626).
 */
int step_working_directory(struct stage *stage, const struct working_directory_step *step)
{
	int root = stage_root(stage);
	if (root < 0)
		return root;
	int directory = step->create ? resolve_create(root, step->path, RESOLVE_DIRECTORY)
				     : resolve_open(root, step->path, O_PATH | O_DIRECTORY, 0);
	if (directory < 0)
		return stage_fail(stage, directory, "working directory", step->path);
	if (fchdir(directory) < 0) {
		int error = -errno;
		close(directory);
		return stage_fail(stage, error, "working directory", step->path);
	}
	close(directory);
	int sealed = stage_seal(stage);
	if (sealed < 0)
		return sealed;
	char where[PATH_MAX];
	long length = negative_errno(syscall(SYS_getcwd, where, sizeof(where)));
	if (length < 0)
		return stage_fail(stage, (int)length, "getcwd", step->path);
	if (where[0] != '/')
		return stage_fail(stage, -EXDEV, "working directory is outside the container", step->path);
	return 0;
}

/* mmap, because the stage has no heap of its own. */
char **string_vector(struct string_list list)
{
	size_t size = ((size_t)list.count + 1) * sizeof(char *);
	char **pointers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pointers == MAP_FAILED)
		return NULL;
	size_t at = 0;
	for (const char *text; (text = string_list_next(&list)) != NULL;)
		pointers[at++] = (char *)(uintptr_t)text;
	return pointers;
}

static const char *search_path(char **env)
{
	const char *path = DEFAULT_PATH;
	for (; *env != NULL; env++) {
		if (strncmp(*env, "PATH=", 5) == 0)
			path = *env + 5;
	}
	return path;
}

/* Whether another place is worth trying: this one had no such file, or none that may be run. */
static bool try_next(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -EACCES;
}

/*
 * execvp's search, with two differences: the error of a file that was found but cannot be run wins over the "not found"
 * of the places after it, and the path that is reported is the one that was tried.
 */
static int search_and_exec(struct stage *stage, char **argv, char **env)
{
	char candidate[PATH_MAX];
	size_t name_length = strlen(argv[0]);
	int found = 0;
	for (const char *at = search_path(env);; at++) {
		size_t length = strcspn(at, ":");
		if (length + name_length + 3 <= sizeof(candidate)) {
			/* An empty entry is the working directory. */
			const char *directory = length == 0 ? "." : at;
			size_t directory_length = length == 0 ? 1 : length;
			memcpy(candidate, directory, directory_length);
			candidate[directory_length] = '/';
			memcpy(candidate + directory_length + 1, argv[0], name_length + 1);
			execve(candidate, argv, env);
			int error = -errno;
			if (!try_next(error))
				return stage_fail(stage, error, "execve", candidate);
			if (found == 0 && (error == -EACCES || access(candidate, F_OK) == 0))
				found = stage_fail(stage, error, "execve", candidate);
		}
		at += length;
		if (*at == '\0')
			break;
	}
	return found != 0 ? found : stage_fail(stage, -ENOENT, "executable not found in PATH", argv[0]);
}

/* From here on death is the workload's own. */
static int tell_ready(struct stage *stage)
{
	struct report ready = {.kind = REPORT_READY};
	int sent = stage_send(stage, &ready, -1);
	return sent < 0 ? stage_fail(stage, sent, "write", "report") : 0;
}

int step_exec(struct stage *stage, const struct exec_step *step)
{
	int done = stage_shut(stage);
	if (done < 0)
		return done;
	char **argv = string_vector(step->argv);
	char **env = string_vector(step->env);
	if (argv == NULL || env == NULL)
		return stage_fail(stage, -ENOMEM, "mmap", "");
	if (argv[0][0] == '\0')
		return stage_fail(stage, -ENOENT, "execve", "");
	if (stage_enters(stage))
		done = birth(stage, step);
	else if (stage->filter.program.length > 0)
		done = filter_load(stage, &stage->filter);
	if (done == 0 && !stage_enters(stage))
		done = tell_ready(stage);
	if (done < 0)
		return done;
	if (strchr(argv[0], '/') == NULL)
		return search_and_exec(stage, argv, env);
	execve(argv[0], argv, env);
	return stage_fail(stage, -errno, "execve", argv[0]);
}
