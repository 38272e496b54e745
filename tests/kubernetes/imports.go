// Package kubernetes pins Kubernetes' own programs and its node suite: the runs build them from here (build-kubernetes.ts). The suite is a
// test program, whose imports a module has only when somebody names them.
package kubernetes

import (
	_ "github.com/onsi/ginkgo/v2"
	_ "k8s.io/kubernetes/test/e2e_node/services"
	_ "k8s.io/system-validators/validators"
	_ "tags.cncf.io/container-device-interface/specs-go"
)
