#include <stdlib.h>
#include <string.h>

#include "monitor/renewal/state.h"

/*
 * A state that another version of the monitor wrote, or that was damaged: it is read or refused, and what was read can
 * be written and read again. Input: whether to leave out what cannot be read, then the state.
 */

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void count(int *fd, void *with)
{
	*(unsigned *)with += *fd >= 0;
}

static void write_again(struct state *state)
{
	struct frame written;
	struct state again;
	unsigned first = 0;
	unsigned second = 0;
	struct processes processes = {.first = state->processes, .attachments = state->attachments};
	state_write(&written, state->connections, &processes, state->asker, state->request);
	require(state_read(written.data, written.length, false, &again) == 0);
	state_each_fd(state->connections, state->processes, count, &first);
	state_each_fd(again.connections, again.processes, count, &second);
	require(first == second && (again.asker == NULL) == (state->asker == NULL));
	state_free(&again);
	frame_free(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state state;
	if (size < 1)
		return 0;
	if (state_read(data + 1, size - 1, (data[0] & 1) != 0, &state) == 0)
		write_again(&state);
	else
		require(state.connections == NULL && state.processes == NULL && state.attachments == NULL);
	state_free(&state);
	return 0;
}
