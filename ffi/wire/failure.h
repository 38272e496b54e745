#ifndef CRIB_FAILURE_H
#define CRIB_FAILURE_H

#include <stdint.h>

#define FAILURE_CALL_SIZE 56
#define FAILURE_PATH_SIZE 256

/*
 * Why something did not work, in a form that crosses a socket: which errno, at which step of the plan, what call, on
 * what. Functions of the init stage return -errno and fill one of these; none prints.
 */
struct failure {
	int32_t code;   /* positive errno */
	uint16_t step;  /* enum plan_step_kind; 0 when it was no step of a plan */
	uint16_t index; /* position of the step in the plan, from 0 */
	char call[FAILURE_CALL_SIZE];
	char path[FAILURE_PATH_SIZE];
};

/* Copies, truncating; always NUL-terminated. NULL is the empty string. */
void failure_text(char *into, unsigned size, const char *text);

/* Fills everything but step and index, which the interpreter knows. Returns `code` (a negative errno) unchanged. */
int failure_set(struct failure *failure, int code, const char *call, const char *path);

#endif
