#ifndef CRIB_MONITOR_BUILD_H
#define CRIB_MONITOR_BUILD_H

/* What the build calls this executable; the daemon looks for the mark in the one it carries. */
#ifndef MONITOR_BUILD
#define MONITOR_BUILD "unknown"
#endif
#define MONITOR_BUILD_MARK "crib-monitor-build:"
extern const char *const monitor_build;

#define MONITOR_NAME "crib-monitor"

#endif
