/*
 * `crib-layer receive`: carries the body of one HTTP answer from its connection to a file and hashes it on the way, so
 * that crib, which asks and judges the answer's head, never holds a byte of it.
 */
#ifndef CRIB_RECEIVE_H
#define CRIB_RECEIVE_H

/* Descriptors, as crib hands them over: the socket of orders and replies, and the file, open for reading and appending.
 */
enum { FD_RECEIVED = 4 };

/* ADDRESSES PORT CONNECT_MS SILENCE_MS MIN_BYTES_PER_SECOND: numeric addresses, the first that answers is taken. */
_Noreturn void receive_run(char **arguments);

#endif
