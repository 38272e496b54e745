#ifndef CRIB_INIT_TTRPC_H
#define CRIB_INIT_TTRPC_H

#include "wire/reader.h"

/*
 * The calling side of ttRPC (https://github.com/containerd/ttrpc, PROTOCOL.md), as far as a stage needs it: whole
 * requests are sent that the daemon has encoded, and of an answer is read whether it was an error and one number.
 */

#define TTRPC_MESSAGE_MAX 4096

struct ttrpc {
	int socket;
	uint32_t next_stream;
};

struct ttrpc_answer {
	uint32_t stream;
	uint32_t code; /* google.rpc.Code; 0: no error */
	char message[TTRPC_MESSAGE_MAX];
	uint64_t number; /* field 1 of what was answered, where that is a number */
};

/* `address` is a path, or "@" and a name without one. -errno. */
int ttrpc_connect(struct ttrpc *ttrpc, const char *address);
/* Sends one request; its stream's number, or -errno. The socket must take it until `deadline` of stage_now_ms(). */
int ttrpc_send(struct ttrpc *ttrpc, struct bytes request, int64_t deadline);
/* Receives one answer, of whatever stream. -ETIMEDOUT, -ECONNRESET at the end, -EPROTO. */
int ttrpc_receive(struct ttrpc *ttrpc, struct ttrpc_answer *answer, int64_t deadline);
/* Sends, and waits for the answer to that. */
int ttrpc_call(struct ttrpc *ttrpc, struct bytes request, struct ttrpc_answer *answer, int64_t deadline);

#endif
