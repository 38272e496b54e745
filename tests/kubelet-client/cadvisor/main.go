// Command cadvisor is the cAdvisor that a kubelet has inside, set up as the kubelet sets it up: it finds containers among the
// control groups of the host and asks containerd's API on a socket about them. It prints, as JSON, the series it would have
// served of the containers asked for. A program of its own, since cAdvisor registers flags and keeps one client a process.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/cadvisor/lib/cache/memory"
	"github.com/google/cadvisor/lib/container"
	_ "github.com/google/cadvisor/lib/container/containerd/install"
	_ "github.com/google/cadvisor/lib/fs/overlay/install"
	_ "github.com/google/cadvisor/lib/fs/tmpfs/install"
	_ "github.com/google/cadvisor/lib/fs/vfs/install"
	"github.com/google/cadvisor/lib/manager"
	"github.com/google/cadvisor/lib/metrics"
	"github.com/google/cadvisor/lib/model"
	"github.com/google/cadvisor/lib/utils/sysfs"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
)

// as the kubelet's, in its default configuration.
var included = container.MetricSet{
	container.CpuUsageMetrics:     {},
	container.MemoryUsageMetrics:  {},
	container.DiskIOMetrics:       {},
	container.DiskUsageMetrics:    {},
	container.NetworkUsageMetrics: {},
	container.ProcessMetrics:      {},
	container.OOMMetrics:          {},
}

// A series is one line of /metrics/cadvisor.
type series struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
}

func main() {
	parent := flag.String("parent", "/", "the `cgroup` below which pods are")
	want := flag.String("want", "", "comma-separated `ids` to wait for")
	atMost := flag.Duration("at-most", 20*time.Second, "how `long` to wait for them")
	flag.Parse()
	if err := run(*parent, strings.Split(*want, ","), *atMost); err != nil {
		fmt.Fprintln(os.Stderr, "cadvisor:", err)
		os.Exit(1)
	}
}

func run(parent string, want []string, atMost time.Duration) error {
	housekeeping := manager.HousekeepingConfig{Interval: ptr.To(2 * time.Second), AllowDynamic: ptr.To(false)}
	m, err := manager.New(memory.New(time.Minute, nil), sysfs.NewRealSysFs(), housekeeping, included, []string{parent}, nil, "", 0)
	if err != nil {
		return err
	}
	if err := m.Start(); err != nil {
		return err
	}
	options := model.RequestOptions{IdType: model.TypeName, Count: 1, Recursive: true}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.NewPrometheusCollector(m, kubeletLabels, included, clock.RealClock{}, options))
	deadline := time.Now().Add(atMost)
	for {
		found, err := gather(registry, want)
		if err != nil {
			return err
		}
		if complete(found, want) || time.Now().After(deadline) {
			return json.NewEncoder(os.Stdout).Encode(found)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// complete says whether each container was measured, which is more than that it is known.
func complete(found []series, want []string) bool {
	return !slices.ContainsFunc(want, func(id string) bool {
		return !slices.ContainsFunc(found, func(s series) bool {
			return s.Labels["name"] == id && s.Name == "container_last_seen"
		})
	})
}

func gather(registry *prometheus.Registry, want []string) ([]series, error) {
	families, err := registry.Gather()
	if err != nil {
		return nil, err
	}
	found := []series{}
	for _, family := range families {
		for _, metric := range family.Metric {
			labels := map[string]string{}
			for _, pair := range metric.Label {
				labels[pair.GetName()] = pair.GetValue()
			}
			if slices.Contains(want, labels["name"]) {
				value := metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
				found = append(found, series{family.GetName(), labels, value})
			}
		}
	}
	return found, nil
}

// kubeletLabels are those that a kubelet gives each series, from the labels it gave the container.
func kubeletLabels(c *model.ContainerInfo) map[string]string {
	name := ""
	if len(c.Aliases) > 0 {
		name = c.Aliases[0]
	}
	return map[string]string{
		metrics.LabelID:    c.Name,
		metrics.LabelName:  name,
		metrics.LabelImage: c.Spec.Image,
		"pod":              c.Spec.Labels["io.kubernetes.pod.name"],
		"namespace":        c.Spec.Labels["io.kubernetes.pod.namespace"],
		"container":        c.Spec.Labels["io.kubernetes.container.name"],
	}
}
