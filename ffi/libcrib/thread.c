#include "internal.h"

#include <pthread.h>
#include <signal.h>

static int start(pthread_t *thread, void *(*work)(void *), void *argument)
{
	/* A new thread inherits the caller's mask: with everything blocked, no handler of the JavaScript engine ever
	 * runs on a thread the engine does not know. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int failed = pthread_create(thread, NULL, work, argument);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed;
}

int crib_on_thread(void *(*work)(void *), void *argument)
{
	pthread_t thread;
	int failed = start(&thread, work, argument);
	return failed != 0 ? failed : pthread_join(thread, NULL);
}

int crib_detached_thread(void *(*work)(void *), void *argument)
{
	pthread_t thread;
	int failed = start(&thread, work, argument);
	if (failed == 0)
		pthread_detach(thread);
	return failed;
}
