#include "monitor/whole/build.h"

/* Marked, so that the daemon finds it in the file. */
static const char marked_build[] = MONITOR_BUILD_MARK MONITOR_BUILD;
const char *const monitor_build = marked_build + sizeof(MONITOR_BUILD_MARK) - 1;
