#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hello.h"

extern char **environ;

int run_sleep(int argc, char **argv)
{
	double seconds = argc > 0 ? strtod(argv[0], NULL) : 0;
	struct timespec left = {.tv_sec = (time_t)seconds};
	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
	return 0;
}

int run_echo(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("%s%s", i == 0 ? "" : " ", argv[i]);
	printf("\n");
	return 0;
}

int run_exit(int argc, char **argv)
{
	return argc > 0 ? (int)(strtoul(argv[0], NULL, 10) & 255) : 0;
}

int run_env(void)
{
	for (char **entry = environ; *entry != NULL; entry++)
		puts(*entry);
	return 0;
}

static int copy_out(int fd)
{
	char buffer[65536];
	ssize_t length;
	while ((length = read(fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < length;) {
			ssize_t written = write(STDOUT_FILENO, buffer + at, (size_t)(length - at));
			if (written < 0)
				return 1;
			at += written;
		}
	}
	return length < 0 ? 1 : 0;
}

int run_cat(int argc, char **argv)
{
	int result = argc == 0 ? copy_out(STDIN_FILENO) : 0;
	for (int i = 0; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			fprintf(stderr, "cat: %s: %s\n", argv[i], strerror(errno));
			result = 1;
			continue;
		}
		result |= copy_out(fd);
		close(fd);
	}
	return result;
}
