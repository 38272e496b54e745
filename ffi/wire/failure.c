#include "failure.h"

#include <stddef.h>
#include <string.h>

void failure_text(char *into, unsigned size, const char *text)
{
	size_t length = text == NULL ? 0 : strnlen(text, size - 1);
	if (length > 0)
		memcpy(into, text, length);
	into[length] = '\0';
}

int failure_set(struct failure *failure, int code, const char *call, const char *path)
{
	failure->code = -code;
	failure_text(failure->call, sizeof(failure->call), call);
	failure_text(failure->path, sizeof(failure->path), path);
	return code;
}
