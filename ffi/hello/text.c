#include <stdio.h>
#include <string.h>

#include "hello.h"

void label(const char *name)
{
	printf("  %-12s ", name);
}

const char *read_line(const char *path, const char *key)
{
	static char line[4096];
	FILE *file = fopen(path, "re");
	const char *found = NULL;
	size_t key_length = key == NULL ? 0 : strlen(key);
	if (file == NULL)
		return NULL;
	while (found == NULL && fgets(line, sizeof(line), file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, key == NULL ? "" : key, key_length) != 0)
			continue;
		const char *value = line + key_length;
		found = value + strspn(value, ": \t");
	}
	fclose(file);
	return found;
}

void print_size(unsigned long long bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned unit = 0;
	/* cgroup v1 says "no limit" with the largest page-aligned number. */
	if (bytes >= 1ull << 60) {
		printf("unlimited");
		return;
	}
	while (bytes >= 1024 && bytes % 1024 == 0 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	printf("%llu %s", bytes, units[unit]);
}
