package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

var counter atomic.Int64

// uniqueName is never the same twice, also between runs that meet on one engine.
func uniqueName(kind string) string {
	return fmt.Sprintf("%s-%d-%d", kind, os.Getpid(), counter.Add(1))
}

type podEdit func(*runtimeapi.PodSandboxConfig)
type containerEdit func(*runtimeapi.ContainerConfig)

// pod is a sandbox that goes away with its case.
type pod struct {
	t      *T
	id     string
	config *runtimeapi.PodSandboxConfig
}

// kubeletPod describes a pod as a kubelet does whose author said nothing special, and makes its log directory.
func kubeletPod(kind, directory, cgroupParent string) (*runtimeapi.PodSandboxConfig, error) {
	name := uniqueName(kind)
	logs := filepath.Join(directory, "logs", name)
	return &runtimeapi.PodSandboxConfig{
		Metadata:     &runtimeapi.PodSandboxMetadata{Name: name, Uid: "uid-" + name, Namespace: "kubelet-client"},
		Hostname:     name,
		LogDirectory: logs,
		Linux: &runtimeapi.LinuxPodSandboxConfig{
			CgroupParent: cgroupParent,
			SecurityContext: &runtimeapi.LinuxSandboxSecurityContext{
				NamespaceOptions: &runtimeapi.NamespaceOption{Pid: runtimeapi.NamespaceMode_CONTAINER},
			},
		},
	}, os.MkdirAll(logs, 0o755)
}

func (t *T) podConfig(edits ...podEdit) *runtimeapi.PodSandboxConfig {
	config, err := kubeletPod("pod", t.directory, t.cgroupParent)
	t.ok(err, "log directory")
	for _, edit := range edits {
		edit(config)
	}
	return config
}

// runPod starts a pod. The case is abandoned when that fails.
func (t *T) runPod(edits ...podEdit) *pod {
	config := t.podConfig(edits...)
	id, err := t.runtime.RunPodSandbox(t, config, "")
	t.ok(err, "RunPodSandbox")
	return t.adopt(id, config)
}

// adopt takes a pod over that a case made itself, to be removed at its end.
func (t *T) adopt(id string, config *runtimeapi.PodSandboxConfig) *pod {
	t.cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		_ = t.runtime.StopPodSandbox(ctx, id)
		_ = t.runtime.RemovePodSandbox(ctx, id)
	})
	return &pod{t, id, config}
}

func (p *pod) status() *runtimeapi.PodSandboxStatus {
	response, err := p.t.runtime.PodSandboxStatus(p.t, p.id, false)
	p.t.ok(err, "PodSandboxStatus")
	return response.Status
}

// manyEntries is a map whose order on the wire is another each time.
func manyEntries(what string) map[string]string {
	entries := map[string]string{}
	for i := range 8 {
		entries[fmt.Sprintf("%s-%d", what, i)] = fmt.Sprint(i)
	}
	return entries
}

// sameAnswer asks twelve times and tells how often the answer was id.
func (t *T) sameAnswer(id string, ask func() (string, error)) int {
	same := 0
	for range 12 {
		if answer, err := ask(); err == nil && answer == id {
			same++
		}
	}
	return same
}

// hostNetwork spares a pod the network it does not need, which is most of the time containerd takes for one.
func hostNetwork(config *runtimeapi.PodSandboxConfig) {
	config.Linux.SecurityContext.NamespaceOptions.Network = runtimeapi.NamespaceMode_NODE
	config.Hostname = ""
}

// sharedProcesses puts the pod's containers into one process namespace.
func sharedProcesses(config *runtimeapi.PodSandboxConfig) {
	config.Linux.SecurityContext.NamespaceOptions.Pid = runtimeapi.NamespaceMode_POD
}

func privilegedPod(config *runtimeapi.PodSandboxConfig) {
	config.Linux.SecurityContext.Privileged = true
}

// container belongs to a pod and goes away with it.
type container struct {
	*pod
	id     string
	config *runtimeapi.ContainerConfig
}

func (p *pod) containerConfig(edits ...containerEdit) *runtimeapi.ContainerConfig {
	name := uniqueName("container")
	options := p.config.Linux.SecurityContext.NamespaceOptions
	config := &runtimeapi.ContainerConfig{
		Metadata: &runtimeapi.ContainerMetadata{Name: name},
		Image:    &runtimeapi.ImageSpec{Image: p.t.image("busybox")},
		Command:  []string{"/bin/pause"},
		LogPath:  name + "_0.log",
		Linux: &runtimeapi.LinuxContainerConfig{
			Resources: &runtimeapi.LinuxContainerResources{},
			SecurityContext: &runtimeapi.LinuxContainerSecurityContext{
				NamespaceOptions: &runtimeapi.NamespaceOption{Network: options.Network, Pid: options.Pid, Ipc: options.Ipc},
				NoNewPrivs:       true,
			},
		},
	}
	for _, edit := range edits {
		edit(config)
	}
	return config
}

func (p *pod) create(edits ...containerEdit) *container {
	config := p.containerConfig(edits...)
	id, err := p.t.runtime.CreateContainer(p.t, p.id, config, p.config)
	p.t.ok(err, "CreateContainer")
	return &container{p, id, config}
}

// run creates and starts.
func (p *pod) run(edits ...containerEdit) *container {
	c := p.create(edits...)
	p.t.ok(p.t.runtime.StartContainer(p.t, c.id), "StartContainer")
	return c
}

// output runs a shell script to its end and returns what it logged.
func (p *pod) output(text string, edits ...containerEdit) string {
	c := p.run(append([]containerEdit{script(text)}, edits...)...)
	c.awaitExit()
	return c.log()
}

func command(words ...string) containerEdit {
	return func(config *runtimeapi.ContainerConfig) { config.Command = words }
}

func script(text string) containerEdit {
	return command("sh", "-c", text)
}

// peer makes this program's other half run in the container, see peer.go.
func peer(words ...string) containerEdit {
	return func(config *runtimeapi.ContainerConfig) {
		config.Command = append([]string{"/peer", "peer"}, words...)
		withPeer(config)
	}
}

// withPeer only puts the program there, to be run by exec.
func withPeer(config *runtimeapi.ContainerConfig) {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	config.Mounts = append(config.Mounts, &runtimeapi.Mount{HostPath: self, ContainerPath: "/peer", Readonly: true})
}

func (c *container) status() *runtimeapi.ContainerStatus {
	response, err := c.t.runtime.ContainerStatus(c.t, c.id, false)
	c.t.ok(err, "ContainerStatus")
	return response.Status
}

func (c *container) awaitExit() *runtimeapi.ContainerStatus {
	var status *runtimeapi.ContainerStatus
	c.t.await("container exits", callTimeout, func() bool {
		status = c.status()
		return status.State == runtimeapi.ContainerState_CONTAINER_EXITED
	})
	return status
}

func (c *container) logFile() string {
	return filepath.Join(c.pod.config.LogDirectory, c.config.LogPath)
}

// log is what the container wrote, put together from the lines of its log.
func (c *container) log() string {
	data, err := os.ReadFile(c.logFile())
	c.t.ok(err, "log")
	var text strings.Builder
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(line, " ", 4)
		if len(fields) < 4 {
			c.t.abandon("log line %q", line)
		}
		if fields[2] == "P" {
			fields[3] = strings.TrimSuffix(fields[3], "\n")
		}
		text.WriteString(fields[3])
	}
	return text.String()
}

// awaitLog returns when the log has the text.
func (c *container) awaitLog(text string) {
	c.t.await(fmt.Sprintf("%q in the log", text), 20*time.Second, func() bool {
		_, err := os.Stat(c.logFile())
		return err == nil && strings.Contains(c.log(), text)
	})
}

// shell runs a script inside by ExecSync and returns what it printed.
func (c *container) shell(text string) string {
	stdout, stderr, err := c.t.runtime.ExecSync(c.t, c.id, []string{"sh", "-c", text}, 20*time.Second)
	if err != nil {
		return fmt.Sprintf("%s%s(%v)", stdout, stderr, err)
	}
	return strings.TrimSpace(string(stdout) + string(stderr))
}
