/* Stands in for replies.c: a failure comes back to the test instead of ending the process. */
#ifndef CRIB_LAYER_STUB_H
#define CRIB_LAYER_STUB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "../layers.h"

static jmp_buf stub_failed;
static enum failure_kind stub_kind;
static char stub_message[256];

void job_fail(enum failure_kind kind, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(stub_message, sizeof(stub_message), format, arguments);
	va_end(arguments);
	stub_kind = kind;
	longjmp(stub_failed, 1);
}

void job_fail_errno(int errnum, const char *call)
{
	job_fail(FAILED_INTERNAL, "%s: %d", call, errnum);
}

const char *quoted(const char *name, size_t length)
{
	static char text[64];
	snprintf(text, sizeof(text), "%.*s", (int)(length < 60 ? length : 60), name);
	return text;
}

#endif
