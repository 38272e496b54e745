#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layers.h"
#include "receive.h"

/* crib-layer receive ADDRESSES PORT CONNECT_MS SILENCE_MS MIN_BYTES_PER_SECOND, or
   crib-layer MAX_ENTRIES MAX_ARCHIVE_BYTES MAX_RATIO RATIO_FREE_BYTES MAX_DIRECTORY_NAME_BYTES MIN_FREE_BYTES */
int main(int argc, char **argv)
{
	uint64_t numbers[6];
	if (argc == 7 && strcmp(argv[1], "receive") == 0)
		receive_run(argv + 2);
	if (argc != 7)
		job_fail(FAILED_INTERNAL, "crib-layer takes six numbers, and got %d arguments", argc - 1);
	for (int i = 0; i < 6; i++) {
		errno = 0;
		numbers[i] = strtoull(argv[i + 1], NULL, 10);
		if (errno != 0)
			job_fail_errno(errno, argv[i + 1]);
	}
	struct limits limits = {
		.max_entries = numbers[0],
		.max_archive_bytes = numbers[1],
		.max_ratio = numbers[2] == 0 ? 1 : numbers[2],
		.ratio_free_bytes = numbers[3],
		.max_directory_name_bytes = numbers[4],
		.min_free_bytes = numbers[5],
	};
	int confined = confine_rights();
	if (confined < 0)
		job_fail_errno(-confined, "give up rights");
	job_run(&limits);
	_exit(0);
}
