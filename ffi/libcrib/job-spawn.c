/* A helper is started by a vfork within a vfork, which waits for both children: on a busy machine that is as long as
 * two processes wait for a processor. */
#include "job.h"

#include <errno.h>
#include <string.h>

/* The executable is the first descriptor, the helper's are the others. Answers with the pid, or a struct crib_err. */
int job_spawn(const struct job *job, struct job_reply *reply)
{
	uint32_t argc;
	if (job->length < sizeof(argc) || job->request[job->length - 1] != '\0')
		return -EINVAL;
	memcpy(&argc, job->request, sizeof(argc));
	uint32_t count = 0;
	while (1 + count < CRIB_JOB_FDS && job->descriptors[1 + count] >= 0)
		count++;
	struct crib_err err = {0};
	const char *arguments = (const char *)job->request + sizeof(argc);
	int pid = crib_spawn_detached(job->descriptors[0], arguments, argc, job->descriptors + 1, count, &err);
	if (pid < 0)
		job_reply_add(reply, &err, sizeof(err));
	return pid;
}
