package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"sync"
	"time"

	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	cri "k8s.io/cri-client/pkg"
)

// lifecycleOrder is a line of standard input: so many pods, so many of them at once, each with so many execs.
type lifecycleOrder struct {
	Lifecycles int `json:"lifecycles"`
	Parallel   int `json:"parallel"`
	Execs      int `json:"execs"`
	// ProbeEveryMs over 0: so often the engine is asked a small question meanwhile.
	ProbeEveryMs int `json:"probeEveryMs"`
}

// lifecycleTimes is the line that answers it: what each call took, by the names the bench has for them, and the whole.
type lifecycleTimes struct {
	CallsMs map[string][]float64 `json:"callsMs"`
	TookMs  float64              `json:"tookMs"`
}

// lifecycleRunner lives pods on one engine, over the one connection a kubelet has.
type lifecycleRunner struct {
	runtime      internalapi.RuntimeService
	directory    string
	cgroupParent string
	image        string
	hostNetwork  bool

	guard sync.Mutex
	times lifecycleTimes
}

// runLifecycles measures pods' lifecycles as the kubelet's client sees them, for the bench that starts this process with
// `lifecycles` as its first word and stays in charge of who is measured when.
func runLifecycles(words []string, orders io.Reader, answers io.Writer) error {
	flags := flag.NewFlagSet("lifecycles", flag.ExitOnError)
	endpoint := flags.String("endpoint", "", "CRI `endpoint`, unix:///…")
	runner := &lifecycleRunner{}
	flags.StringVar(&runner.directory, "dir", "", "`directory` for the pods' logs")
	flags.StringVar(&runner.cgroupParent, "cgroup", "", "parent `cgroup` of the pods")
	flags.StringVar(&runner.image, "image", "", "`reference` of an image with /bin/pause and true")
	flags.BoolVar(&runner.hostNetwork, "host-network", false, "pods on the host's network")
	if err := flags.Parse(words); err != nil {
		return err
	}
	ctx := context.Background()
	var err error
	runner.runtime, err = cri.NewRemoteRuntimeServiceBuilder().
		WithEndpoint(*endpoint).WithConnectionTimeout(callTimeout).Build(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = runner.runtime.Close(ctx) }()

	lines := bufio.NewScanner(orders)
	for lines.Scan() {
		var order lifecycleOrder
		if err := json.Unmarshal(lines.Bytes(), &order); err != nil {
			return fmt.Errorf("order %q: %w", lines.Text(), err)
		}
		times, err := runner.run(ctx, order)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(answers).Encode(times); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (r *lifecycleRunner) run(ctx context.Context, order lifecycleOrder) (lifecycleTimes, error) {
	r.times = lifecycleTimes{CallsMs: map[string][]float64{}}
	places := make(chan struct{}, order.Lifecycles)
	for range order.Lifecycles {
		places <- struct{}{}
	}
	close(places)
	failures := make(chan error, order.Parallel)
	start := time.Now()
	for range order.Parallel {
		go func() {
			for range places {
				if err := r.live(ctx, order.Execs); err != nil {
					failures <- err
					return
				}
			}
			failures <- nil
		}()
	}
	lived := make(chan struct{})
	probed := make(chan error, 1)
	go func() { probed <- r.probe(ctx, order.ProbeEveryMs, lived) }()
	var first error
	for range order.Parallel {
		if err := <-failures; first == nil {
			first = err
		}
	}
	close(lived)
	if err := <-probed; first == nil {
		first = err
	}
	r.times.TookMs = milliseconds(time.Since(start))
	return r.times, first
}

// probe asks in turn what needs no work of the engine, until everything has lived.
func (r *lifecycleRunner) probe(ctx context.Context, everyMs int, lived <-chan struct{}) error {
	if everyMs <= 0 {
		return nil
	}
	probes := []struct {
		call string
		make func() error
	}{
		{"version", func() error { _, err := r.runtime.Version(ctx, ""); return err }},
		{"status", func() error { _, err := r.runtime.Status(ctx, false); return err }},
		{"listContainers", func() error { _, err := r.runtime.ListContainers(ctx, nil); return err }},
		{"listPodSandbox", func() error { _, err := r.runtime.ListPodSandbox(ctx, nil); return err }},
	}
	for turn := 0; ; turn++ {
		select {
		case <-lived:
			return nil
		case <-time.After(time.Duration(everyMs) * time.Millisecond):
		}
		if err := r.timed(probes[turn%len(probes)].call, probes[turn%len(probes)].make); err != nil {
			return err
		}
	}
}

// live makes one pod with one container, execs in it, and takes all of it away again.
func (r *lifecycleRunner) live(ctx context.Context, execs int) error {
	podConfig, containerConfig, err := r.configs()
	if err != nil {
		return err
	}
	var pod, container string
	start := time.Now()
	err = r.timed("runPodSandbox", func() (err error) {
		pod, err = r.runtime.RunPodSandbox(ctx, podConfig, "")
		return err
	})
	if err == nil {
		err = r.timed("createContainer", func() (err error) {
			container, err = r.runtime.CreateContainer(ctx, pod, containerConfig, podConfig)
			return err
		})
	}
	if err == nil {
		err = r.timed("startContainer", func() error { return r.runtime.StartContainer(ctx, container) })
	}
	if err != nil {
		return err
	}
	r.add("podToRunning", time.Since(start))
	for range execs {
		err := r.timed("execSync", func() error {
			_, _, err := r.runtime.ExecSync(ctx, container, []string{"true"}, callTimeout)
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, step := range []struct {
		call string
		make func() error
	}{
		{"stopContainer", func() error { return r.runtime.StopContainer(ctx, container, 0) }},
		{"removeContainer", func() error { return r.runtime.RemoveContainer(ctx, container) }},
		{"stopPodSandbox", func() error { return r.runtime.StopPodSandbox(ctx, pod) }},
		{"removePodSandbox", func() error { return r.runtime.RemovePodSandbox(ctx, pod) }},
	} {
		if err := r.timed(step.call, step.make); err != nil {
			return err
		}
	}
	return nil
}

// configs are what a kubelet sends for a pod with one container.
func (r *lifecycleRunner) configs() (*runtimeapi.PodSandboxConfig, *runtimeapi.ContainerConfig, error) {
	pod, err := kubeletPod("bench", r.directory, r.cgroupParent)
	if r.hostNetwork {
		hostNetwork(pod)
	}
	options := pod.Linux.SecurityContext.NamespaceOptions
	container := &runtimeapi.ContainerConfig{
		Metadata: &runtimeapi.ContainerMetadata{Name: "container"},
		Image:    &runtimeapi.ImageSpec{Image: r.image},
		Command:  []string{"/bin/pause"},
		LogPath:  "container_0.log",
		Linux: &runtimeapi.LinuxContainerConfig{
			SecurityContext: &runtimeapi.LinuxContainerSecurityContext{
				NamespaceOptions: &runtimeapi.NamespaceOption{Network: options.Network, Pid: options.Pid, Ipc: options.Ipc},
			},
		},
	}
	return pod, container, err
}

func (r *lifecycleRunner) timed(call string, work func() error) error {
	start := time.Now()
	if err := work(); err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	r.add(call, time.Since(start))
	return nil
}

func (r *lifecycleRunner) add(call string, took time.Duration) {
	r.guard.Lock()
	defer r.guard.Unlock()
	r.times.CallsMs[call] = append(r.times.CallsMs[call], milliseconds(took))
}

func milliseconds(took time.Duration) float64 {
	return float64(took.Nanoseconds()) / 1e6
}
