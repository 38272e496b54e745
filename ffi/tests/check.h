#ifndef CRIB_TESTS_CHECK_H
#define CRIB_TESTS_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A failed check ends the program: what follows would only be noise. */
static unsigned checks_done;

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		checks_done++;                                                                                         \
		if (!(condition)) {                                                                                    \
			printf("not ok %s: %s:%d: %s\n", program_invocation_short_name, __FILE__, __LINE__,            \
			       #condition);                                                                            \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

static inline int checks_passed(void)
{
	printf("ok %s (%u checks)\n", program_invocation_short_name, checks_done);
	return 0;
}

#endif
