#ifndef CRIB_MONITOR_POD_USER_NAMESPACE_H
#define CRIB_MONITOR_POD_USER_NAMESPACE_H

#include "monitor/sandbox/sandbox.h"
#include "wire/failure.h"
#include "wire/protocol.h"

/* Makes it, and the pod's namespaces in it, which this process then joins as the host's root. */
int pod_user_namespace_make(struct sandbox *sandbox, const struct setup_request *setup, struct failure *failure);

#endif
