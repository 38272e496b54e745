#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hello.h"

/*
 * The program of the built-in image crib.local/hello: without arguments it introduces the container it is in; with one
 * of a few words it does something small that demos and tests can watch.
 */

static int introduce(void)
{
	printf("Hello from a container run by crib.\n\n");
	show_identity();
	show_namespaces();
	show_addresses();
	show_limits();
	show_confinement();
	printf("\nNo daemon of another kind, no shim, no pause process: one monitor of a few hundred KiB is my "
	       "parent.\n");
	return 0;
}

static int usage(const char *word)
{
	fprintf(stderr,
		"hello: unknown word \"%s\"\n"
		"usage: /hello [sleep SECONDS | echo TEXT... | exit CODE | env | cat [FILE...]]\n",
		word);
	return 64;
}

/* As PID 1 the kernel spares it signals that it does not handle: a stop would have to wait for its grace to pass. */
static void end(int signal_number)
{
	_exit(128 + signal_number);
}

int main(int argc, char **argv)
{
	struct sigaction on_end = {.sa_handler = end};
	sigaction(SIGTERM, &on_end, NULL);
	sigaction(SIGINT, &on_end, NULL);
	if (argc < 2)
		return introduce();
	if (strcmp(argv[1], "sleep") == 0)
		return run_sleep(argc - 2, argv + 2);
	if (strcmp(argv[1], "echo") == 0)
		return run_echo(argc - 2, argv + 2);
	if (strcmp(argv[1], "exit") == 0)
		return run_exit(argc - 2, argv + 2);
	if (strcmp(argv[1], "env") == 0)
		return run_env();
	if (strcmp(argv[1], "cat") == 0)
		return run_cat(argc - 2, argv + 2);
	return usage(argv[1]);
}
