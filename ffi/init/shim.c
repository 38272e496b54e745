#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "cleanup.h"
#include "decimal.h"
#include "kernel.h"
#include "relay.h"
#include "stage.h"
#include "ttrpc.h"

/*
 * The third way to become a container: a shim (containerd's runtime v2) makes it, and the stage stays, in its place.
 * It has what the monitor gives a workload: stdin, stdout and stderr, which the shim opens by /proc/PID/fd, so that
 * output goes past the stage to the monitor. It forwards what the shim has to be told, the end of input and a
 * terminal's size, waits for the exit, and ends with the container's code. Nothing of this needs the daemon.
 */

/* Links in the bundle: what a shim is handed are paths, made before anybody knows the stage's number. */
static const char link_stdin[] = "stdin";
static const char link_stdout[] = "stdout";
static const char link_stderr[] = "stderr";
/* What the shim said, in full: a report to the monitor has no room for it. */
static const char error_file[] = "error";

/* For the answer to a call whose outcome changes nothing any more. */
enum { LAST_CALL_MS = 10000, LAST_OUTPUT_MS = 1000 };

struct session {
	struct stage *stage;
	const struct shim_step *step;
	struct ttrpc ttrpc;
	int64_t deadline;
	struct relay input;
	struct relay output; /* a terminal's; other output does not pass here */
	int windows;         /* signalfd of SIGWINCH, -1 without a terminal */
};

/* More than any launch can wait; a container may run for ever. */
static int64_t never(void)
{
	return INT64_MAX;
}

static int make_link(struct stage *stage, const char *name, int fd)
{
	char target[64];
	snprintf(target, sizeof(target), "/proc/%d/fd/%d", getpid(), fd);
	unlink(name);
	return symlink(target, name) < 0 ? stage_fail(stage, -errno, "symlink", name) : 0;
}

/* A pipe of which the shim opens one end by its link; ours does not block. */
static int make_pipe(struct stage *stage, const char *name, int shims_end, int *ours)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return stage_fail(stage, -errno, "pipe2", name);
	*ours = ends[1 - shims_end];
	fcntl(*ours, F_SETFL, O_NONBLOCK);
	return make_link(stage, name, ends[shims_end]);
}

/*
 * The shim makes the container's terminal. This one is what attachers and the log see of it: raw, for the other one
 * does all that a terminal does, and the stage's own, so that its size is told.
 */
static int make_terminal(struct session *session)
{
	struct stage *stage = session->stage;
	struct termios raw;
	int unlocked = 0;
	int master cleanup_fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return stage_fail(stage, -errno, "open", "/dev/ptmx");
	int slave cleanup_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &raw) < 0)
		return stage_fail(stage, -errno, "TIOCGPTPEER", "/dev/ptmx");
	cfmakeraw(&raw);
	if (tcsetattr(slave, TCSANOW, &raw) < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return stage_fail(stage, -errno, "TIOCSCTTY", "/dev/ptmx");
	struct report report = {.kind = REPORT_TERMINAL};
	int sent = stage_send(stage, &report, master);
	if (sent < 0)
		return stage_fail(stage, sent, "sendmsg", "terminal");
	for (int fd = 0; fd <= 2; fd++)
		dup2(slave, fd);
	fcntl(0, F_SETFL, O_RDWR | O_NONBLOCK);
	sigset_t windows;
	sigemptyset(&windows);
	sigaddset(&windows, SIGWINCH);
	sigprocmask(SIG_BLOCK, &windows, NULL);
	session->windows = signalfd(-1, &windows, SFD_NONBLOCK | SFD_CLOEXEC);
	if (session->windows < 0)
		return stage_fail(stage, -errno, "signalfd", "");
	session->output.to = 1;
	return make_pipe(stage, link_stdout, 1, &session->output.from);
}

static int make_stdio(struct session *session)
{
	struct stage *stage = session->stage;
	bool terminal = session->step->resize.length > 0;
	int made = 0;
	if (terminal)
		made = make_terminal(session);
	else
		made = make_link(stage, link_stdout, 1);
	if (made == 0 && !terminal)
		made = make_link(stage, link_stderr, 2);
	if (made < 0 || session->step->close_stdin.length == 0)
		return made;
	if (!terminal)
		fcntl(0, F_SETFL, O_RDONLY | O_NONBLOCK);
	session->input.from = 0;
	return make_pipe(stage, link_stdin, 0, &session->input.to);
}

static void keep_words(const char *words)
{
	int file cleanup_fd = open(error_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file >= 0 && write(file, words, strlen(words)) < 0)
		unlink(error_file);
}

static int call(struct session *session, struct bytes request, const char *what)
{
	static struct ttrpc_answer answer;
	int got = ttrpc_call(&session->ttrpc, request, &answer, session->deadline);
	if (got == -ETIMEDOUT)
		return stage_fail(session->stage, got, "took too long and was killed", what);
	if (got < 0)
		return stage_fail(session->stage, got, "call of the shim", what);
	if (answer.code == 0)
		return 0;
	char text[FAILURE_CALL_SIZE];
	snprintf(text, sizeof(text), "the shim answered with status %u", answer.code);
	keep_words(answer.message);
	return stage_fail(session->stage, -ECANCELED, text, what);
}

/* What was made and never ran must not stay with the shim. */
static void take_back(struct session *session)
{
	static struct ttrpc_answer answer;
	ttrpc_call(&session->ttrpc, session->step->end, &answer, stage_now_ms() + LAST_CALL_MS);
}

/* The last two fields of the request are numbers of five bytes each, after a byte of tag. */
static void tell_size(struct session *session)
{
	struct winsize size = {0};
	struct bytes request = session->step->resize;
	if (ioctl(0, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || request.length < 12)
		return;
	uint8_t *end = (uint8_t *)(uintptr_t)request.data + request.length;
	const uint32_t numbers[2] = {size.ws_col, size.ws_row};
	for (int i = 0; i < 2; i++) {
		uint8_t *into = end - 11 + i * 6;
		for (int byte = 0; byte < 5; byte++)
			into[byte] = (uint8_t)((numbers[i] >> (7 * byte) & 0x7f) | (byte < 4 ? 0x80 : 0));
	}
	ttrpc_send(&session->ttrpc, request, stage_now_ms() + LAST_CALL_MS);
}

static void forward(struct session *session, const struct pollfd *watched)
{
	struct signalfd_siginfo drained;
	if (watched[1].revents != 0 && session->input.to >= 0 && !relay_move(&session->input)) {
		close_and_clear(&session->input.to);
		ttrpc_send(&session->ttrpc, session->step->close_stdin, stage_now_ms() + LAST_CALL_MS);
	}
	if (watched[2].revents != 0)
		relay_move(&session->output);
	if (watched[3].revents != 0 && read(session->windows, &drained, sizeof(drained)) > 0)
		tell_size(session);
}

/* The container's exit code; that of one of which nobody knows it when the shim is gone. */
static int await_exit(struct session *session)
{
	static struct ttrpc_answer answer;
	int wait = ttrpc_send(&session->ttrpc, session->step->wait, stage_now_ms() + LAST_CALL_MS);
	while (wait >= 0) {
		struct pollfd watched[4] = {{.fd = session->ttrpc.socket, .events = POLLIN}};
		relay_watch(&session->input, &watched[1]);
		relay_watch(&session->output, &watched[2]);
		watched[3] = (struct pollfd){.fd = session->windows, .events = POLLIN};
		if (poll(watched, 4, -1) < 0 && errno != EINTR)
			break;
		forward(session, watched);
		if (watched[0].revents == 0)
			continue;
		if (ttrpc_receive(&session->ttrpc, &answer, never()) < 0)
			break;
		if (answer.stream == (uint32_t)wait)
			return answer.code == 0 ? (int)(answer.number & 0xff) : 255;
	}
	return 255;
}

/* What the shim has written to the terminal by the time that it has deleted the container. */
static void drain(struct session *session)
{
	int64_t deadline = stage_now_ms() + LAST_OUTPUT_MS;
	while (session->output.from >= 0 && stage_now_ms() < deadline) {
		struct pollfd watched;
		relay_watch(&session->output, &watched);
		if (poll(&watched, 1, session->output.length > 0 ? LAST_OUTPUT_MS : 0) <= 0)
			return;
		relay_move(&session->output);
	}
}

/*
 * Whoever looks at the container's process by its number finds its root and nothing of the host's, and a name that is
 * not the monitor's.
 */
static int settle(struct session *session)
{
	struct stage *stage = session->stage;
	if (chroot(session->step->root) < 0 || chdir("/") < 0)
		return stage_fail(stage, -errno, "chroot", session->step->root);
	prctl(PR_SET_NAME, "crib-relay", 0, 0, 0);
	struct report ready = {.kind = REPORT_READY};
	int sent = stage_send(stage, &ready, -1);
	close_and_clear(&stage->report);
	return sent < 0 ? stage_fail(stage, sent, "write", "report") : 0;
}

int step_shim(struct stage *stage, const struct shim_step *step)
{
	static struct session session;
	session = (struct session){
		.stage = stage,
		.step = step,
		.deadline = stage_now_ms() + (int64_t)step->timeout_seconds * 1000,
		.input = {.from = -1, .to = -1},
		.output = {.from = -1, .to = -1},
		.windows = -1,
	};
	if (chdir(step->bundle) < 0)
		return stage_fail(stage, -errno, "chdir", step->bundle);
	int done = ttrpc_connect(&session.ttrpc, step->socket);
	if (done < 0)
		return stage_fail(stage, done, "connect", step->socket);
	done = make_stdio(&session);
	if (done == 0)
		done = call(&session, step->create, "Create");
	if (done < 0)
		return done;
	done = call(&session, step->start, "Start");
	if (done == 0)
		done = settle(&session);
	if (done < 0) {
		take_back(&session);
		return done;
	}
	if (session.windows >= 0)
		tell_size(&session);
	int code = await_exit(&session);
	take_back(&session);
	drain(&session);
	_exit(code);
}
