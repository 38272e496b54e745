#include "monitor/renewal/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "monitor/process/attachment.h"
#include "monitor/process/exit-record.h"
#include "monitor/process/input.h"
#include "monitor/process/output.h"
#include "monitor/renewal/state.h"
#include "monitor/transport/connection.h"
#include "monitor/whole/build.h"
#include "monitor/whole/own-descriptors.h"

/* Of descriptors, which are told apart by their numbers. */
#define FDS_MAX 65536

static int map_state(int fd, void **bytes, size_t *length)
{
	struct stat file;
	if (fstat(fd, &file) < 0)
		return -errno;
	if (file.st_size <= 0)
		return -EPROTO;
	*length = (size_t)file.st_size;
	*bytes = mmap(NULL, *length, PROT_READ, MAP_PRIVATE, fd, 0);
	return *bytes == MAP_FAILED ? -errno : 0;
}

static int read_state(int fd, bool leave_out, struct state *state)
{
	void *bytes = NULL;
	size_t length = 0;
	*state = (struct state){0};
	int mapped = map_state(fd, &bytes, &length);
	if (mapped < 0)
		return leave_out ? 0 : mapped;
	int read = state_read(bytes, length, leave_out, state);
	munmap(bytes, length);
	return read;
}

int restore_check(void)
{
	struct state state;
	if (read_state(LISTENER, false, &state) < 0)
		return 1;
	state_free(&state);
	return RESTORE_CHECKED;
}

struct known_fds {
	uint8_t seen[FDS_MAX / 8];
	int highest;
	int failed;
	bool leave_out;
};

static bool is_known(const struct known_fds *known, int fd)
{
	return (known->seen[fd / 8] & (1u << (fd % 8))) != 0;
}

/* One that is not open, or is named twice, cannot be trusted: another record's descriptor would be closed with it. */
static void know(int *fd, void *with)
{
	struct known_fds *known = with;
	if (*fd < 0)
		return;
	if (*fd < FDS_MAX && !is_known(known, *fd) && fcntl(*fd, F_GETFD) >= 0) {
		known->seen[*fd / 8] |= (uint8_t)(1u << (*fd % 8));
		known->highest = *fd > known->highest ? *fd : known->highest;
		return;
	}
	known->failed = -EBADF;
	if (known->leave_out)
		*fd = -1;
}

static void close_on_exec(int *fd, void *with)
{
	(void)with;
	if (*fd >= 0)
		fcntl(*fd, F_SETFD, FD_CLOEXEC);
}

/* What is open and has no name here belongs to a record that was left out. */
static void close_unknown(const struct known_fds *known)
{
	int from = LISTENER + 1;
	for (int fd = from; fd <= known->highest + 1; fd++) {
		if (fd <= known->highest && !is_known(known, fd))
			continue;
		if (from < fd)
			sys_close_range((unsigned)from, (unsigned)fd - 1);
		from = fd + 1;
	}
	sys_close_range((unsigned)known->highest + 1, ~0u);
}

static int watch_process(struct processes *processes, struct process *process)
{
	process->among = processes;
	int watched = 0;
	for (int i = 0; watched == 0 && i < 2; i++) {
		int fd = process->outputs[i].source.fd;
		if (fd >= 0)
			watched = output_watch(process, &process->outputs[i], fd);
	}
	input_open(process, process->input.source.fd);
	return watched;
}

static int watch_all(struct monitor *monitor, struct state *state, bool leave_out)
{
	int failed = 0;
	for (struct connection *at = state->connections; at != NULL; at = at->next) {
		int watched = connection_watch(&monitor->server, at);
		failed = watched < 0 ? watched : failed;
	}
	for (struct process *at = state->processes; at != NULL; at = at->next) {
		int watched = watch_process(&monitor->processes, at);
		failed = watched < 0 ? watched : failed;
	}
	return leave_out ? 0 : failed;
}

static void take_over(struct monitor *monitor, struct state *state)
{
	monitor->server.connections = state->connections;
	monitor->processes.first = state->processes;
	monitor->processes.attachments = state->attachments;
	for (const struct connection *at = state->connections; at != NULL; at = at->next)
		monitor->server.connection_count++;
	for (const struct attachment *at = state->attachments; at != NULL; at = at->next) {
		if (at->client->paused)
			attachment_watch_stall(&monitor->processes);
	}
	/* Whether it is there is not told from one executable to the next; written twice it is the same. */
	for (struct process *at = state->processes; at != NULL; at = at->next) {
		if (!at->is_exec && at->state == PROCESS_EXITED)
			exit_record_put(at);
	}
	monitor->renewal.client = state->asker;
	monitor->renewal.request = state->request;
}

int restore(struct monitor *monitor, struct handover *handover, bool leave_out)
{
	static struct known_fds known;
	struct state state;
	int done = read_state(handover->state, leave_out, &state);
	if (done < 0)
		return done;
	known = (struct known_fds){.highest = LISTENER, .leave_out = leave_out};
	handover_each_fd(monitor, handover, know, &known);
	state_each_fd(state.connections, state.processes, know, &known);
	if (known.failed < 0 && !leave_out)
		return known.failed;
	close_unknown(&known);
	done = open_own(monitor);
	if (done == 0)
		done = watch_all(monitor, &state, leave_out);
	if (done < 0)
		return done;
	state_each_fd(state.connections, state.processes, close_on_exec, NULL);
	handover_each_fd(monitor, handover, close_on_exec, NULL);
	close_and_clear(&handover->state);
	close_and_clear(&handover->executable);
	take_over(monitor, &state);
	return 0;
}

int restore_go_back(const struct monitor *monitor, const struct handover *handover)
{
	char numbers[HANDOVER_TEXT];
	handover_write(monitor, handover, numbers);
	const char *arguments[] = {
		MONITOR_NAME, monitor->sandbox_id, monitor->directory_path, HANDOVER_RETURNED, numbers, NULL};
	return sys_execveat(handover->executable, arguments);
}
