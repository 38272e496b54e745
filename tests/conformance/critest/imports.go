// Package critest pins the CRI project's own suite: the conformance run builds it from here (build-critest.ts). It is a test
// program, whose imports a module has only when somebody names them.
package critest

import (
	_ "github.com/onsi/ginkgo/v2"
	_ "sigs.k8s.io/cri-tools/pkg/benchmark"
	_ "sigs.k8s.io/cri-tools/pkg/common"
	_ "sigs.k8s.io/cri-tools/pkg/framework"
	_ "sigs.k8s.io/cri-tools/pkg/validate"
	_ "sigs.k8s.io/cri-tools/pkg/version"
)
