/* Made of ffi/numbers.json: change that, then `npm run gen`. */
#ifndef CRIB_LAYERS_NUMBERS_H
#define CRIB_LAYERS_NUMBERS_H

enum order_kind {
	ORDER_ADVANCE = 1,
	ORDER_REWRITE = 2,
	ORDER_INHERIT = 3,
	ORDER_INDEX = 4,
	ORDER_DROP = 5,
	ORDER_ASK = 6,
	ORDER_TAKE = 7,
};

enum reply_kind {
	REPLY_PARSED = 1,
	REPLY_INDEXED = 2,
	REPLY_FAILED = 3,
	REPLY_HEAD = 4,
	REPLY_PROGRESS = 5,
	REPLY_RECEIVED = 6,
};

enum failure_kind {
	FAILED_INTERNAL = 0,
	FAILED_DAMAGED = 1,
	FAILED_REFUSED = 2,
	FAILED_FULL = 3,
	FAILED_UNSUPPORTED = 4,
	FAILED_UNREACHED = 5,
	FAILED_SILENT = 6,
	FAILED_SLOW = 7,
	FAILED_BROKEN = 8,
};

#endif
