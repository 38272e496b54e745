#include <string.h>

#include "tree.h"

struct name path_next(struct name *path)
{
	const char *slash = memchr(path->text, '/', path->length);
	struct name first = {.text = path->text, .length = slash == NULL ? path->length : (size_t)(slash - path->text)};
	size_t used = first.length + (slash == NULL ? 0 : 1);
	path->text += used;
	path->length -= used;
	return first;
}

size_t path_clean(const char *path, size_t length, char *into)
{
	size_t used = 0;
	struct name rest = {.text = path, .length = length};
	while (rest.length > 0) {
		struct name part = path_next(&rest);
		if (part.length == 0 || (part.length == 1 && part.text[0] == '.'))
			continue;
		if (part.length == 2 && part.text[0] == '.' && part.text[1] == '.') {
			while (used > 0 && into[--used] != '/')
				;
			continue;
		}
		if (used > 0)
			into[used++] = '/';
		memmove(into + used, part.text, part.length);
		used += part.length;
	}
	return used;
}

void path_split(struct name path, struct name *parent, struct name *base)
{
	const char *slash = memrchr(path.text, '/', path.length);
	size_t cut = slash == NULL ? 0 : (size_t)(slash - path.text);
	size_t start = slash == NULL ? 0 : cut + 1;
	*parent = (struct name){.text = path.text, .length = cut};
	*base = (struct name){.text = path.text + start, .length = path.length - start};
}
