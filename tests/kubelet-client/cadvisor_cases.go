package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A cadvisorSeries is one line of what a kubelet serves as /metrics/cadvisor.
type cadvisorSeries struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
	Value  float64           `json:"value"`
}

// cadvisor runs the cAdvisor of a kubelet in its default configuration against the engine, until it has measured these.
func (t *T) cadvisor(ids ...string) []cadvisorSeries {
	self, err := os.Executable()
	t.ok(err, "own executable")
	program := exec.CommandContext(t, filepath.Join(filepath.Dir(self), "kubelet-cadvisor"),
		"--containerd="+strings.TrimPrefix(t.endpoint, "unix://"), "--parent="+t.cgroupParent, "--want="+strings.Join(ids, ","))
	out, err := program.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		err = fmt.Errorf("%w: %s", err, exit.Stderr)
	}
	t.ok(err, "cAdvisor")
	var found []cadvisorSeries
	t.ok(json.Unmarshal(out, &found), "what cAdvisor printed")
	return found
}

// kubernetesLabels are what a kubelet puts on a pod and on its containers, and what it finds them by in cAdvisor.
func kubernetesLabels(config *runtimeapi.PodSandboxConfig, container string) map[string]string {
	labels := map[string]string{
		"io.kubernetes.pod.name":      config.Metadata.Name,
		"io.kubernetes.pod.namespace": config.Metadata.Namespace,
		"io.kubernetes.pod.uid":       config.Metadata.Uid,
	}
	if container != "" {
		labels["io.kubernetes.container.name"] = container
	}
	return labels
}

// namesOf are the series of one container. Their devices and interfaces are the host's to name.
func namesOf(found []cadvisorSeries, id string) []string {
	var names []string
	for _, s := range found {
		if s.Labels["name"] == id && !slices.Contains(names, s.Name) {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names
}

func valueOf(found []cadvisorSeries, id, name string, label ...string) float64 {
	for _, s := range found {
		if s.Labels["name"] == id && s.Name == name && (len(label) < 2 || s.Labels[label[0]] == label[1]) {
			return s.Value
		}
	}
	return -1
}

func cadvisorCases() []testCase {
	return []testCase{
		{"cadvisor: a container and its pod's network", func(t *T) {
			p := t.runPod(func(config *runtimeapi.PodSandboxConfig) { config.Labels = kubernetesLabels(config, "") })
			c := p.run(script("dd if=/dev/zero of=/file bs=1M count=4; sync; ping -c 3 -W 1 127.0.0.1; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done; exec pause"),
				func(config *runtimeapi.ContainerConfig) {
					config.Labels = kubernetesLabels(p.config, "main")
				})
			c.awaitLog("done")
			c.shell("wget -q -T 1 -O /dev/null http://" + t.registry + "/v2/ || true")
			found := t.cadvisor(c.id, p.id)
			labels := map[string]string{}
			for _, s := range found {
				if s.Labels["name"] == c.id {
					labels = s.Labels
				}
			}
			t.want("pod", labels["pod"] == p.config.Metadata.Name, true)
			t.want("namespace", labels["namespace"], p.config.Metadata.Namespace)
			t.want("container", labels["container"], "main")
			t.want("image", labels["image"], t.image("busybox"))
			t.want("CPU", valueOf(found, c.id, "container_cpu_usage_seconds_total") > 0, true)
			t.want("memory", valueOf(found, c.id, "container_memory_working_set_bytes") > 0, true)
			t.want("page cache", valueOf(found, c.id, "container_memory_cache") > 1<<20, true)
			t.want("processes", valueOf(found, c.id, "container_processes"), 1)
			t.want("network is the pod's", valueOf(found, c.id, "container_network_receive_bytes_total"), -1)
			t.want("received", valueOf(found, p.id, "container_network_receive_bytes_total", "interface", "eth0") > 0, true)
			t.want("sent", valueOf(found, p.id, "container_network_transmit_packets_total", "interface", "eth0") > 0, true)
			t.see("a container's series", strings.Join(namesOf(found, c.id), " "))
			t.see("network series", strings.Join(slices.DeleteFunc(namesOf(found, p.id), func(name string) bool {
				return !strings.HasPrefix(name, "container_network_")
			}), " "))
			t.see("series of the pod itself", strings.Join(slices.DeleteFunc(namesOf(found, p.id), func(name string) bool {
				return strings.HasPrefix(name, "container_network_") || name == "container_cpu_usage_seconds_total"
			}), " "))
			t.see("the pod itself has used CPU", valueOf(found, p.id, "container_cpu_usage_seconds_total") > 0)
		}},
		{"cadvisor: a pod on the host's network", func(t *T) {
			p := t.runPod(hostNetwork, func(config *runtimeapi.PodSandboxConfig) { config.Labels = kubernetesLabels(config, "") })
			found := t.cadvisor(p.id)
			t.want("network of the host", valueOf(found, p.id, "container_network_receive_bytes_total") > 0, true)
		}},
		{"cadvisor: a pod without a group of its own", func(t *T) {
			p := t.runPod(hostNetwork, func(config *runtimeapi.PodSandboxConfig) { config.Linux.CgroupParent = "" })
			c := p.run()
			found := t.cadvisor(c.id, p.id)
			t.want("memory", valueOf(found, c.id, "container_memory_usage_bytes") > 0, true)
			t.want("known", len(namesOf(found, p.id)) > 0, true)
		}},
	}
}
