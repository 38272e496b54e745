#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct crib_jobs {
	pthread_mutex_t guard; /* of all but `out` */
	pthread_cond_t work;
	struct job *first, **last;
	uint32_t next_id, threads, most_threads, idle, queued;
	pthread_mutex_t telling; /* replies go out whole */
	int out;
};

static int (*const kinds[])(const struct job *, struct job_reply *) = {
	[CRIB_JOB_FILES] = job_files,
	[CRIB_JOB_NETLINK] = job_netlink,
	[CRIB_JOB_SOCKET] = job_socket,
	[CRIB_JOB_SPAWN] = job_spawn,
};

static void free_job(struct job *job)
{
	for (int i = 0; i < CRIB_JOB_FDS; i++)
		crib_close_fd(&job->descriptors[i]);
	free(job);
}

/* Waits while the event loop does not read. When the daemon ends there is no reader any more. */
static void send_whole(int fd, const void *bytes, size_t length)
{
	for (const uint8_t *at = bytes; length > 0;) {
		ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
		if (sent < 0 && errno != EINTR)
			return;
		if (sent > 0) {
			at += sent;
			length -= (size_t)sent;
		}
	}
}

static void tell(struct crib_jobs *jobs, uint32_t id, int result, const struct job_reply *reply)
{
	struct job_reply_head head = {.id = id, .result = result, .length = (uint32_t)reply->length};
	pthread_mutex_lock(&jobs->telling);
	send_whole(jobs->out, &head, sizeof(head));
	send_whole(jobs->out, reply->bytes, reply->length);
	pthread_mutex_unlock(&jobs->telling);
}

static struct job *next_job(struct crib_jobs *jobs)
{
	pthread_mutex_lock(&jobs->guard);
	jobs->idle++;
	while (jobs->first == NULL)
		pthread_cond_wait(&jobs->work, &jobs->guard);
	jobs->idle--;
	struct job *job = jobs->first;
	jobs->first = job->next;
	jobs->queued--;
	if (jobs->first == NULL)
		jobs->last = &jobs->first;
	pthread_mutex_unlock(&jobs->guard);
	return job;
}

static void *work(void *argument)
{
	struct crib_jobs *jobs = argument;
	/* Modes are what the job says; the umask is otherwise the whole process's. */
	if (unshare(CLONE_FS) == 0)
		umask(0);
	for (;;) {
		struct job *job = next_job(jobs);
		struct job_reply reply = {0};
		int result = kinds[job->kind](job, &reply);
		tell(jobs, job->id, reply.failed != 0 ? reply.failed : result, &reply);
		free(reply.bytes);
		free_job(job);
	}
	return NULL;
}

int crib_jobs_open(uint32_t most_threads, struct crib_jobs **out)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	struct crib_jobs *jobs = calloc(1, sizeof(*jobs));
	if (jobs == NULL || fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		free(jobs);
		close(ends[0]);
		close(ends[1]);
		return -ENOMEM;
	}
	pthread_mutex_init(&jobs->guard, NULL);
	pthread_mutex_init(&jobs->telling, NULL);
	pthread_cond_init(&jobs->work, NULL);
	jobs->last = &jobs->first;
	jobs->most_threads = most_threads;
	jobs->out = ends[1];
	*out = jobs;
	return ends[0];
}

/* A copy of each: the caller may close its own while the job is under way, and the number be another file's. */
static int copy_descriptors(struct job *job, const int32_t *fds, uint32_t fd_count)
{
	for (uint32_t i = 0; i < CRIB_JOB_FDS; i++)
		job->descriptors[i] = -1;
	for (uint32_t i = 0; i < fd_count; i++) {
		job->descriptors[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
		if (job->descriptors[i] < 0)
			return -errno;
	}
	return 0;
}

/* One more thread where no idle one is left for this job; that none can be had harms only where there is none. */
static int ensure_thread(struct crib_jobs *jobs)
{
	if (jobs->idle > jobs->queued || jobs->threads >= jobs->most_threads)
		return 0;
	int failed = crib_detached_thread(work, jobs);
	if (failed == 0)
		jobs->threads++;
	return jobs->threads == 0 ? -failed : 0;
}

static int enqueue(struct crib_jobs *jobs, struct job *job)
{
	pthread_mutex_lock(&jobs->guard);
	int failed = ensure_thread(jobs);
	if (failed == 0) {
		jobs->next_id = jobs->next_id % 0x7ffffffe + 1;
		job->id = jobs->next_id;
		*jobs->last = job;
		jobs->last = &job->next;
		jobs->queued++;
		pthread_cond_signal(&jobs->work);
	}
	/* Once it is in the queue a thread may have freed it. */
	int result = failed == 0 ? (int)jobs->next_id : failed;
	pthread_mutex_unlock(&jobs->guard);
	return result;
}

int crib_jobs_start(struct crib_jobs *jobs, uint32_t kind, const uint8_t *request, size_t length, const int32_t *fds,
		    uint32_t fd_count)
{
	if (kind >= sizeof(kinds) / sizeof(kinds[0]) || fd_count > CRIB_JOB_FDS)
		return -EINVAL;
	struct job *job = calloc(1, sizeof(*job) + length);
	if (job == NULL)
		return -ENOMEM;
	job->kind = kind;
	job->length = length;
	memcpy(job->request, request, length);
	int result = copy_descriptors(job, fds, fd_count);
	if (result == 0)
		result = enqueue(jobs, job);
	if (result < 0)
		free_job(job);
	return result;
}

int crib_jobs_cancel(struct crib_jobs *jobs, uint32_t id)
{
	pthread_mutex_lock(&jobs->guard);
	struct job **at = &jobs->first;
	while (*at != NULL && (*at)->id != id)
		at = &(*at)->next;
	struct job *found = *at;
	if (found != NULL) {
		*at = found->next;
		jobs->queued--;
		if (found->next == NULL)
			jobs->last = at;
	}
	pthread_mutex_unlock(&jobs->guard);
	if (found != NULL)
		free_job(found);
	return found != NULL;
}
