// Package peers pins containerd, its shim and runc, and what containerd's own CRI tests import: a test program's imports a module has only
// when somebody names them.
package peers

import (
	_ "github.com/containerd/cgroups/v3/cgroup1"
	_ "github.com/containerd/containerd/v2/integration/images"
	_ "github.com/containerd/containerd/v2/integration/remote"
	_ "github.com/containerd/log/logtest"
	_ "github.com/containerd/nri/pkg/stub"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/stretchr/testify/assert"
	_ "github.com/stretchr/testify/require"
	_ "google.golang.org/protobuf/testing/protocmp"
	_ "k8s.io/client-go/tools/remotecommand"
	_ "k8s.io/cri-client/pkg/util"
)
