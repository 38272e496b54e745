#ifndef CRIB_MONITOR_CONFIGURE_H
#define CRIB_MONITOR_CONFIGURE_H

#include "wire/failure.h"
#include "wire/protocol.h"

/* Hostname, loopback and sysctls, in the namespaces the caller is in. `procfs` is one, or -1 without any sysctl. */
int sandbox_configure(const struct setup_request *setup, int procfs, struct failure *failure);

#endif
