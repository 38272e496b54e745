#define _GNU_SOURCE
#include "internal.h"

#include <pthread.h>
#include <signal.h>

int crib_on_thread(void *(*work)(void *), void *argument) {
    /* A new thread inherits the caller's mask: with everything blocked, no handler of the JavaScript engine ever runs on
     * a thread the engine does not know. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, work, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed != 0 ? failed : pthread_join(thread, NULL);
}
