#include "monitor/process/oom.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

/* v2 memory.events and v1 memory.oom_control (4.13) both have a line "oom_kill <count>". */
bool oom_was_killed(const struct host *host, const char *file)
{
	static const char key[] = "oom_kill ";
	char text[1024];
	if (file == NULL)
		return false;
	int fd cleanup_fd = host_open(host, file, O_RDONLY, 0, 0);
	ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (length <= 0)
		return false;
	text[length] = '\0';
	for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			return line[sizeof(key) - 1] >= '1' && line[sizeof(key) - 1] <= '9';
	}
	return false;
}
