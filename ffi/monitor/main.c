#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "container-of.h"
#include "monitor/dispatch.h"
#include "monitor/process/attach.h"
#include "monitor/process/exit-record.h"
#include "monitor/process/lifecycle.h"
#include "monitor/process/output.h"
#include "monitor/process/reap.h"
#include "monitor/relro.h"
#include "monitor/renewal/renew.h"
#include "monitor/renewal/restore.h"
#include "monitor/whole/build.h"
#include "monitor/whole/monitor.h"
#include "monitor/whole/own-descriptors.h"

/*
 * crib-monitor <sandbox id> <directory>, with the listening socket of <directory>/monitor.sock as descriptor 3.
 *
 * Exit codes before it serves: 2 for a wrong call (as when a container runs us through /proc/self/exe), 1 for a system
 * call that failed; the daemon sees either as a connection that ends before HELLO is answered.
 */

#define OOM_SCORE "-999"

static bool is_id(const char *text)
{
	size_t length = strlen(text);
	return length > 0 && length < ID_SIZE && strspn(text, "0123456789abcdef") == length;
}

static bool is_listening(int fd)
{
	int listening = 0;
	socklen_t size = sizeof(listening);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

static int null_stdio(void)
{
	int null cleanup_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return -errno;
	for (int fd = 0; fd <= 2; fd++) {
		if (dup2(null, fd) < 0)
			return -errno;
	}
	return 0;
}

/* Without CAP_SYS_RESOURCE the score cannot be lowered; then the children have nothing to put back either. */
static void protect_from_oom(struct host *host)
{
	char text[16];
	int fd cleanup_fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t length = read(fd, text, sizeof(text) - 1);
	if (length <= 0)
		return;
	text[length] = '\0';
	if (pwrite(fd, OOM_SCORE, sizeof(OOM_SCORE) - 1, 0) > 0)
		host->inherited_oom_score = (int)strtol(text, NULL, 10);
}

static int open_directories(struct monitor *monitor)
{
	monitor->directory = open(monitor->directory_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (monitor->directory < 0)
		return -errno;
	if (mkdirat(monitor->directory, "exit", 0700) < 0 && errno != EEXIST)
		return -errno;
	monitor->processes.exit_records =
		openat(monitor->directory, "exit", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return monitor->processes.exit_records < 0 ? -errno : 0;
}

/* In this order descriptors 4 and up are the monitor's for life, which process/child.c relies on; host.c adds to them.
 */
static int open_everything(struct monitor *monitor)
{
	if (null_stdio() < 0)
		return -1;
	sys_close_range(LISTENER + 1, ~0u);
	if (fcntl(LISTENER, F_SETFD, FD_CLOEXEC) < 0 || fcntl(LISTENER, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return -1;
	if (open_own(monitor) < 0)
		return -1;
	return open_directories(monitor);
}

/* What execve gives back to every process, the monitor's own renewals included. */
static void protect_self(void)
{
	umask(077);
	/* Not to be traced or read through /proc by anything in a container that it shares an owner with. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_NAME, MONITOR_NAME, 0, 0, 0);
}

static int begin(struct monitor *monitor)
{
	protect_from_oom(&monitor->host);
	if (relro_protect() < 0 || chdir("/") < 0 || open_everything(monitor) < 0 || host_leave(&monitor->host) < 0)
		return -1;
	return 0;
}

/* See renewal/handover.h for the arguments. */
static int go_on(struct monitor *monitor, char **argv)
{
	struct handover handover;
	bool renewed = strcmp(argv[3], HANDOVER_RENEWED) == 0;
	if ((!renewed && strcmp(argv[3], HANDOVER_RETURNED) != 0) || !handover_read(argv[4], monitor, &handover))
		return -1;
	int restored = relro_protect();
	if (restored == 0)
		restored = restore(monitor, &handover, false);
	if (restored < 0 && renewed)
		restore_go_back(monitor, &handover);
	if (restored < 0 && restore(monitor, &handover, true) < 0)
		return -1;
	fill_places();
	fcntl(LISTENER, F_SETFD, FD_CLOEXEC);
	renewal_tell(monitor, renewed && restored == 0);
	/* Setting SIGCHLD to its default has dropped the one of who died meanwhile. */
	reap_all(&monitor->processes, &monitor->sandbox);
	return 0;
}

static struct monitor *monitor_of(struct server *server)
{
	return container_of(server, struct monitor, server);
}

static void on_frame(struct connection *connection, const struct request *request)
{
	dispatch(monitor_of(connection->server), connection, request);
}

static void on_room(struct connection *connection)
{
	output_resume(&monitor_of(connection->server)->processes, connection);
}

static void on_gone(struct connection *connection)
{
	struct monitor *monitor = monitor_of(connection->server);
	shutdown_client_gone(&monitor->shutdown, connection);
	renewal_client_gone(monitor, connection);
	process_client_gone(&monitor->processes, connection);
	attach_client_gone(&monitor->processes, connection);
	/* Nothing was made of it yet, and its daemon is gone: a monitor that no record names must not stay. */
	if (monitor->server.connections == NULL && !monitor->sandbox.set_up)
		loop_end(&monitor->loop);
}

static void after_event(struct loop *loop)
{
	struct monitor *monitor = container_of(loop, struct monitor, loop);
	output_give_back();
	if (loop->ended)
		return;
	exit_records_step(&monitor->processes);
	renewal_step(monitor);
}

int main(int argc, char **argv)
{
	static struct monitor monitor;
	if (argc == 2 && strcmp(argv[1], RESTORE_CHECK) == 0)
		return restore_check();
	bool renewed = argc == HANDOVER_ARGUMENTS;
	if ((argc != 3 && !renewed) || !is_id(argv[1]) || argv[2][0] != '/' || !is_listening(LISTENER))
		return 2;
	monitor_make(&monitor, argv[1], argv[2]);
	monitor.server.on_frame = on_frame;
	monitor.server.on_room = on_room;
	monitor.server.on_gone = on_gone;
	protect_self();
	if ((renewed ? go_on(&monitor, argv) : begin(&monitor)) < 0)
		return 1;
	loop_run(&monitor.loop, after_event);
	shutdown_finish(&monitor.shutdown);
	_exit(0);
}
