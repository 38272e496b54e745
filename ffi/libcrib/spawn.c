#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A detached start without copying the daemon's page tables (a plain fork of a Bun process costs 2 ms and grows with
 * its heap).
 *
 *   daemon ── clone(VM|VFORK) ──▶ middle ── clone(VM|VFORK) ──▶ leaf ── execveat ──▶ the helper
 *     │ waits until middle ends     │ waits until leaf execs        (its parent gone, init adopts it)
 *     └ reaps middle                └ _exit
 *
 * Both children run on the caller's memory while it is suspended: they write only to their own stacks and to `struct
 * spawn`, and call nothing but async-signal-safe functions. Every signal is blocked from before the first clone until
 * the leaf has put all handlers back to default, or a handler of the JavaScript engine would run in a process it does
 * not know.
 */
#define STACK_BYTES (64 * 1024)
#define FDS_MAX 32
#define ARGS_MAX 64

struct spawn {
	int executable;
	char *const *argv;
	const int32_t *fds;
	uint32_t fd_count;
	char *leaf_stack;
	int pid;
	int errnum;
	const char *step;
};

static void leaf_fail(struct spawn *spawn, const char *step)
{
	spawn->errnum = errno;
	spawn->step = step;
	_exit(127);
}

static void reset_signals(void)
{
	/* Ignored signals stay ignored across exec (Bun ignores SIGPIPE); a workload must not inherit that. */
	struct sigaction standard = {.sa_handler = SIG_DFL};
	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &standard, NULL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int copy_above(struct spawn *spawn, int fd, int lowest)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, lowest);
	if (copy < 0)
		leaf_fail(spawn, "fcntl F_DUPFD");
	return copy;
}

static void place(struct spawn *spawn, int fd, int target)
{
	if (dup2(fd, target) < 0)
		leaf_fail(spawn, "dup2");
}

/*
 * Every source is first copied above all targets, so that no dup2 overwrites a descriptor that is still needed.
 * Returns the executable's descriptor: the one above the last target, closed by exec itself.
 */
static int place_descriptors(struct spawn *spawn)
{
	int executable_at = 3 + (int)spawn->fd_count;
	int copies[FDS_MAX];
	for (uint32_t i = 0; i < spawn->fd_count; i++)
		copies[i] = copy_above(spawn, spawn->fds[i], executable_at + 1);
	int executable = copy_above(spawn, spawn->executable, executable_at + 1);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		leaf_fail(spawn, "open /dev/null");
	null = copy_above(spawn, null, executable_at + 1);

	for (int fd = 0; fd < 3; fd++)
		place(spawn, null, fd);
	for (uint32_t i = 0; i < spawn->fd_count; i++)
		place(spawn, copies[i], 3 + (int)i);
	if (dup3(executable, executable_at, O_CLOEXEC) < 0)
		leaf_fail(spawn, "dup3");
	/* Close-on-exec everywhere is our habit; this is the guarantee (CVE-2024-21626). */
	if (syscall(SYS_close_range, executable_at + 1, ~0U, 0) < 0)
		leaf_fail(spawn, "close_range");
	return executable_at;
}

static int leaf(void *argument)
{
	struct spawn *spawn = argument;
	reset_signals();
	if (setsid() < 0)
		leaf_fail(spawn, "setsid");
	if (chdir("/") < 0)
		leaf_fail(spawn, "chdir");
	umask(0077);
	int executable = place_descriptors(spawn);
	char *const empty[] = {NULL};
	syscall(SYS_execveat, executable, "", spawn->argv, empty, AT_EMPTY_PATH);
	leaf_fail(spawn, "execveat");
	return 127;
}

static int middle(void *argument)
{
	struct spawn *spawn = argument;
	spawn->pid = clone(leaf, spawn->leaf_stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, spawn);
	if (spawn->pid < 0) {
		spawn->errnum = errno;
		spawn->step = "clone";
	}
	_exit(0);
}

static int run_on_stacks(struct spawn *spawn, char *stacks)
{
	spawn->leaf_stack = stacks + STACK_BYTES;
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	/* No SIGCHLD for the middle child: Bun's own child watcher has nothing to see. __WALL reaps it all the same. */
	int child = clone(middle, stacks + STACK_BYTES, CLONE_VM | CLONE_VFORK, spawn);
	int errnum = child < 0 ? errno : 0;
	if (child > 0)
		while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return errnum;
}

static void split(const char *joined, uint32_t count, char **into)
{
	for (uint32_t i = 0; i < count; i++) {
		into[i] = (char *)joined;
		joined += strlen(joined) + 1;
	}
	into[count] = NULL;
}

int crib_spawn_detached(int executable, const char *argv, uint32_t argc, const int32_t *fds, uint32_t fd_count,
			struct crib_err *err)
{
	char *arguments[ARGS_MAX + 1];
	if (argc == 0 || argc > ARGS_MAX || fd_count > FDS_MAX)
		return crib_fail(err, E2BIG, "spawn", "argv or descriptors");
	split(argv, argc, arguments);

	char *stacks = mmap(NULL, (size_t)2 * STACK_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stacks == MAP_FAILED)
		return crib_fail(err, errno, "mmap", "stacks");
	struct spawn spawn = {.executable = executable, .argv = arguments, .fds = fds, .fd_count = fd_count};
	int errnum = run_on_stacks(&spawn, stacks);
	munmap(stacks, (size_t)2 * STACK_BYTES);
	if (errnum != 0)
		return crib_fail(err, errnum, "clone", "");
	return spawn.errnum != 0 ? crib_fail(err, spawn.errnum, spawn.step, arguments[0]) : spawn.pid;
}
