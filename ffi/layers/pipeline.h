/* The threads that carry a blob's bytes to the archive file. */
#ifndef CRIB_PIPELINE_H
#define CRIB_PIPELINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "layers.h"
#include "member.h"
#include "ring.h"
#include "sha256.h"

struct pipeline {
	const struct limits *limits;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned waiting; /* threads that are up, and wait until all of them are confined */
	bool confined;
	uint64_t available; /* so many of the blob's bytes are in its file */
	bool final;         /* and there will be no more */
	_Atomic uint64_t blob_bytes;
	uint64_t archive_bytes;
	uint64_t space_checked_at;
	bool may_be_empty;
	struct ring compressed;
	struct ring archive;
	struct sha256 archive_hash;
	struct tree tree;
	struct applier applier;
	struct tar tar;
	void (*finished)(struct pipeline *pipeline);
};

/* Starts the threads and returns when they all wait for pipeline_release. `finished` is called on one of them when all
 * went well. */
void pipeline_start(struct pipeline *pipeline, const struct limits *limits, void (*finished)(struct pipeline *));
void pipeline_release(struct pipeline *pipeline);
void pipeline_advance(struct pipeline *pipeline, uint64_t available, bool final);

#endif
