#include <sys/prctl.h>
#include <sys/wait.h>

#include "kernel.h"
#include "monitor.h"

/*
 * As PID 1 it is deaf to every signal from inside its namespace that it has no handler for, and the kernel gives it the
 * orphans. When it dies, everything in the namespace dies with it.
 */
_Noreturn void pid_init_run(void)
{
	sigset_t children;
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_SETMASK, &children, NULL);
	sys_close_range(3, ~0u);
	prctl(PR_SET_NAME, "crib-init", 0, 0, 0);
	for (;;) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		sigwaitinfo(&children, NULL);
	}
}
