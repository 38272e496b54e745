/* Made of ffi/numbers.json: change that, then `npm run gen`. */
#ifndef CRIB_LIBCRIB_NUMBERS_H
#define CRIB_LIBCRIB_NUMBERS_H

enum crib_job_kind {
	CRIB_JOB_FILES = 0,
	CRIB_JOB_NETLINK = 1,
	CRIB_JOB_SOCKET = 2,
	CRIB_JOB_SPAWN = 3,
};

enum file_operation {
	OP_MKDIR = 1,
	OP_RMDIR = 2,
	OP_WRITE = 3,
	OP_READ = 4,
	OP_EXISTS = 5,
	OP_CHOWN = 6,
	OP_DIRECTORIES = 7,
	OP_UMOUNT = 8,
	OP_UNLINK = 9,
	OP_DEVICES = 10,
};

#endif
