#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "monitor/renewal/handover.h"
#include "monitor/renewal/state.h"

/* A state is written, read, and what was read is compared; then it is damaged in every place. */

static struct connection clients[2];
static struct process container;
static struct process exec;
static struct input_write waiting;
static struct attachment attachment;
static struct processes processes;

static void fill(void)
{
	memset(clients, 0, sizeof(clients));
	container = (struct process){.pidfd = 30, .state = PROCESS_RUNNING, .pid = 100, .client = NULL};
	exec = (struct process){
		.pidfd = 31, .is_exec = true, .state = PROCESS_RUNNING, .pid = 101, .client = &clients[1]};
	strcpy(container.id, "abc");
	strcpy(exec.id, "def");
	for (int i = 0; i < 2; i++) {
		clients[i].source.fd = 20 + i;
		clients[i].passed = -1;
		clients[i].greeted = true;
		container.outputs[i] = (struct output){.source.fd = 40 + i, .stream = i + 1};
		exec.outputs[i] = (struct output){.source.fd = -1, .stream = i + 1};
	}
	clients[0].next = &clients[1];
	container.next = &exec;
	container.input.source.fd = 50;
	exec.input.source.fd = -1;
	exec.log.fd = -1;
	container.log = (struct log_file){.fd = 51, .torn = true, .dropped_bytes = 7, .path = "//log"};
	container.outputs[0].held = (uint8_t *)"partial";
	container.outputs[0].held_length = 7;
	waiting = (struct input_write){
		.client = &clients[0], .request = 9, .bytes = (const uint8_t *)"typed", .length = 5, .written = 1};
	container.input.writes = &waiting;
	attachment = (struct attachment){.client = &clients[0], .process = &container, .outputs = {false, true}};
	clients[0].paused = true;
	clients[0].queue = (uint8_t *)"xqueued";
	clients[0].sent = 1;
	clients[0].queued = 7;
	clients[1].received = 5;
	processes = (struct processes){.first = &container, .attachments = &attachment};
}

static void read_back(const struct frame *written)
{
	struct state state;
	CHECK(state_read(written->data, written->length, false, &state) == 0);
	struct connection *first = state.connections;
	struct connection *second = first->next;
	CHECK(second->next == NULL && state.asker == second && state.request == 77 && state.lost == 0);
	CHECK(first->source.fd == 20 && first->greeted && first->paused);
	const struct attachment *joined = state.attachments;
	CHECK(joined->client == first && joined->process == state.processes && joined->next == NULL);
	CHECK(!joined->outputs[0] && joined->outputs[1]);
	CHECK(first->queued == 6 && first->sent == 0 && memcmp(first->queue, "queued", 6) == 0);
	CHECK(second->received == 5 && second->payload == NULL);
	struct process *one = state.processes;
	CHECK(strcmp(one->id, "abc") == 0 && one->pid == 100 && one->pidfd == 30 && one->outputs[1].stream == 2);
	CHECK(one->outputs[0].held_length == 7 && memcmp(one->outputs[0].held, "partial", 7) == 0);
	CHECK(one->log.fd == 51 && one->log.torn && one->log.dropped_bytes == 7 && strcmp(one->log.path, "//log") == 0);
	CHECK(one->input.writes->client == first && one->input.writes->request == 9);
	CHECK(one->input.writes->length == 4 && memcmp(one->input.writes->bytes, "yped", 4) == 0);
	CHECK(one->next->is_exec && one->next->client == second && one->next->next == NULL);
	state_free(&state);
}

static void refuses_what_is_cut_or_longer(const struct frame *written)
{
	struct state state;
	for (size_t length = 0; length < written->length; length++) {
		uint8_t *cut = malloc(length == 0 ? 1 : length);
		memcpy(cut, written->data, length);
		CHECK(state_read(cut, length, false, &state) == -EPROTO && state.connections == NULL);
		CHECK(state_read(cut, length, true, &state) == 0);
		state_free(&state);
		free(cut);
	}
}

static void refuses_another_format(struct frame *written)
{
	struct state state;
	written->data[4]++;
	CHECK(state_read(written->data, written->length, false, &state) == -EPROTO);
	written->data[4]--;
}

/* A byte that is wrong may go unnoticed, but never does any harm. */
static void lives_through_damage(struct frame *written)
{
	struct state state;
	for (size_t at = 0; at < written->length; at++) {
		for (int bit = 0; bit < 8; bit += 3) {
			written->data[at] ^= (uint8_t)(1 << bit);
			state_read(written->data, written->length, (bit & 1) != 0, &state);
			state_free(&state);
			written->data[at] ^= (uint8_t)(1 << bit);
		}
	}
}

static void leaves_what_it_does_not_know(void)
{
	struct frame grown = {0};
	struct state state;
	frame_u32(&grown, STATE_MAGIC);
	frame_u16(&grown, STATE_FORMAT);
	frame_u16(&grown, 0);
	frame_u16(&grown, 99);
	frame_bytes(&grown, "of later", 8);
	size_t before_end = grown.length;
	frame_u16(&grown, STATE_END);
	frame_bytes(&grown, "\1\0\0\0and more", 12);
	CHECK(state_read(grown.data, grown.length, false, &state) == 0 && state.connections == NULL);
	grown.length = before_end;
	frame_u16(&grown, 99 | STATE_MUST);
	frame_bytes(&grown, "", 0);
	frame_u16(&grown, STATE_END);
	frame_bytes(&grown, "\2\0\0\0", 4);
	CHECK(state_read(grown.data, grown.length, false, &state) == -EPROTO);
	CHECK(state_read(grown.data, grown.length, true, &state) == 0 && state.lost == 1);
	state_free(&state);
	frame_free(&grown);
}

static void hands_numbers_over(void)
{
	static struct monitor monitor;
	char text[HANDOVER_TEXT];
	struct handover handover = {.state = 16, .executable = 17};
	monitor.directory = 9;
	monitor.sandbox.init_pid = 4194303;
	monitor.host.inherited_oom_score = INT32_MIN;
	monitor.sandbox.user_namespace = -1;
	monitor.sandbox.unshared = 0x4c000000;
	monitor.sandbox.set_up = true;
	handover_write(&monitor, &handover, text);
	handover = (struct handover){0};
	monitor.directory = monitor.sandbox.init_pid = monitor.host.inherited_oom_score =
		monitor.sandbox.user_namespace = 0;
	monitor.sandbox.unshared = 0;
	monitor.sandbox.set_up = false;
	CHECK(handover_read(text, &monitor, &handover) && handover.state == 16 && handover.executable == 17);
	CHECK(monitor.directory == 9 && monitor.sandbox.init_pid == 4194303 &&
	      monitor.host.inherited_oom_score == INT32_MIN);
	CHECK(monitor.sandbox.user_namespace == -1 && monitor.sandbox.unshared == 0x4c000000 && monitor.sandbox.set_up);
	strcat(text, ",5,6");
	CHECK(handover_read(text, &monitor, &handover));
	CHECK(!handover_read("", &monitor, &handover) && !handover_read("1,2", &monitor, &handover) &&
	      !handover_read("1,,2", &monitor, &handover));
}

int main(void)
{
	struct frame written;
	fill();
	state_write(&written, clients, &processes, &clients[1], 77);
	CHECK(!written.out_of_memory);
	read_back(&written);
	refuses_what_is_cut_or_longer(&written);
	refuses_another_format(&written);
	lives_through_damage(&written);
	leaves_what_it_does_not_know();
	hands_numbers_over();
	frame_free(&written);
	return checks_passed();
}
