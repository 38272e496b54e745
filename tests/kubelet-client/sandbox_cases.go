package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	criapierrors "k8s.io/cri-api/pkg/errors"
)

// unknownID has the form of an id and is nobody's.
const unknownID = "00000000000000000000000000000000000000000000000000000000deadbeef"

func sandboxCases() []testCase {
	return []testCase{
		{"pod: run and status", func(t *T) {
			before := time.Now()
			p := t.runPod(func(config *runtimeapi.PodSandboxConfig) {
				config.Labels = map[string]string{"app": "web", "io.kubernetes.pod.name": "web-0"}
				config.Annotations = map[string]string{"note": "kept"}
			})
			t.want("id", isObjectID(p.id), true)
			status := p.status()
			t.want("state", status.State, runtimeapi.PodSandboxState_SANDBOX_READY)
			t.want("metadata", status.Metadata.Name == p.config.Metadata.Name && status.Metadata.Uid == p.config.Metadata.Uid, true)
			t.want("labels", fmt.Sprint(status.Labels), "map[app:web io.kubernetes.pod.name:web-0]")
			t.want("annotations", fmt.Sprint(status.Annotations), "map[note:kept]")
			t.want("has an address", strings.Count(status.Network.GetIp(), "."), 3)
			t.want("more addresses", len(status.Network.GetAdditionalIps()), 0)
			t.want("created", time.Unix(0, status.CreatedAt).After(before) && time.Unix(0, status.CreatedAt).Before(time.Now()), true)
			options := status.Linux.GetNamespaces().GetOptions()
			t.see("namespaces", fmt.Sprint(options.GetNetwork(), " ", options.GetPid(), " ", options.GetIpc()))
			t.see("handler", status.RuntimeHandler)
		}},
		{"pod: in the host's network", func(t *T) {
			status := t.runPod(hostNetwork).status()
			t.see("address", status.Network.GetIp())
			t.want("network", status.Linux.GetNamespaces().GetOptions().GetNetwork(), runtimeapi.NamespaceMode_NODE)
		}},
		{"pod: stop, and stop again", func(t *T) {
			p := t.runPod()
			t.want("first", code(t.runtime.StopPodSandbox(t, p.id)), "OK")
			t.want("state", p.status().State, runtimeapi.PodSandboxState_SANDBOX_NOTREADY)
			t.see("address", p.status().Network.GetIp())
			t.want("second", code(t.runtime.StopPodSandbox(t, p.id)), "OK")
		}},
		{"pod: remove, and remove again", func(t *T) {
			p := t.runPod()
			t.ok(t.runtime.StopPodSandbox(t, p.id), "StopPodSandbox")
			t.want("first", code(t.runtime.RemovePodSandbox(t, p.id)), "OK")
			t.want("second", code(t.runtime.RemovePodSandbox(t, p.id)), "OK")
			_, err := t.runtime.PodSandboxStatus(t, p.id, false)
			t.want("status", code(err), "NotFound")
			t.see("stop", code(t.runtime.StopPodSandbox(t, p.id)))
		}},
		{"pod: remove while it runs", func(t *T) {
			p := t.runPod(hostNetwork)
			p.run()
			t.see("code", code(t.runtime.RemovePodSandbox(t, p.id)))
			pods, err := t.runtime.ListPodSandbox(t, &runtimeapi.PodSandboxFilter{Id: p.id})
			t.ok(err, "ListPodSandbox")
			t.see("still listed", len(pods))
		}},
		{"pod: nobody's id", func(t *T) {
			_, err := t.runtime.PodSandboxStatus(t, unknownID, false)
			t.want("status", code(err), "NotFound")
			t.want("kubelet takes it for not found", criapierrors.IsNotFound(err), true)
			t.want("stop", code(t.runtime.StopPodSandbox(t, unknownID)), "OK")
			t.want("remove", code(t.runtime.RemovePodSandbox(t, unknownID)), "OK")
			pods, err := t.runtime.ListPodSandbox(t, &runtimeapi.PodSandboxFilter{Id: unknownID})
			t.want("list", code(err), "OK")
			t.want("listed", len(pods), 0)
			_, err = t.runtime.PodSandboxStats(t, unknownID)
			t.see("stats", code(err))
		}},
		{"pod: the same name and attempt twice", func(t *T) {
			p := t.runPod(hostNetwork)
			again, err := t.runtime.RunPodSandbox(t, p.config, "")
			t.see("code", code(err))
			t.want("no second pod", again == "" || again == p.id, true)
			changed := t.podConfig(hostNetwork)
			changed.Metadata = p.config.Metadata
			_, err = t.runtime.RunPodSandbox(t, changed, "")
			t.want("another configuration is refused", err != nil, true)
			t.see("code of another configuration", code(err))
			t.want("the first goes on", p.status().State, runtimeapi.PodSandboxState_SANDBOX_READY)
		}},
		{"pod: the same request again, as a kubelet's retry is written", func(t *T) {
			p := t.runPod(hostNetwork, func(config *runtimeapi.PodSandboxConfig) {
				config.Labels = manyEntries("label")
				config.Annotations = manyEntries("annotation")
			})
			t.see("same answer", t.sameAnswer(p.id, func() (string, error) { return t.runtime.RunPodSandbox(t, p.config, "") }))
		}},
		{"pod: the next attempt of the same name", func(t *T) {
			p := t.runPod(hostNetwork)
			t.ok(t.runtime.StopPodSandbox(t, p.id), "StopPodSandbox")
			p.config.Metadata.Attempt = 1
			id, err := t.runtime.RunPodSandbox(t, p.config, "")
			t.ok(err, "RunPodSandbox")
			next := t.adopt(id, p.config)
			t.want("attempt", next.status().Metadata.Attempt, 1)
			t.want("another id", id != p.id, true)
			pods, err := t.runtime.ListPodSandbox(t, &runtimeapi.PodSandboxFilter{LabelSelector: p.config.Labels})
			t.ok(err, "ListPodSandbox")
			t.want("both are listed", len(pods) >= 2, true)
		}},
		{"pod: list filters", func(t *T) {
			mark := uniqueName("mark")
			labelled := func(config *runtimeapi.PodSandboxConfig) {
				config.Labels = map[string]string{"mark": mark, "tier": "front"}
			}
			ready, stopped := t.runPod(hostNetwork, labelled), t.runPod(hostNetwork, labelled)
			t.ok(t.runtime.StopPodSandbox(t, stopped.id), "StopPodSandbox")
			list := func(key string, filter *runtimeapi.PodSandboxFilter, want int) {
				pods, err := t.runtime.ListPodSandbox(t, filter)
				t.ok(err, "ListPodSandbox")
				t.want(key, len(pods), want)
			}
			state := func(s runtimeapi.PodSandboxState) *runtimeapi.PodSandboxStateValue {
				return &runtimeapi.PodSandboxStateValue{State: s}
			}
			by := map[string]string{"mark": mark}
			list("by label", &runtimeapi.PodSandboxFilter{LabelSelector: by}, 2)
			list("by two labels", &runtimeapi.PodSandboxFilter{LabelSelector: map[string]string{"mark": mark, "tier": "front"}}, 2)
			list("by a label nobody has", &runtimeapi.PodSandboxFilter{LabelSelector: map[string]string{"mark": mark, "tier": "back"}}, 0)
			list("ready", &runtimeapi.PodSandboxFilter{LabelSelector: by, State: state(runtimeapi.PodSandboxState_SANDBOX_READY)}, 1)
			list("not ready", &runtimeapi.PodSandboxFilter{LabelSelector: by, State: state(runtimeapi.PodSandboxState_SANDBOX_NOTREADY)}, 1)
			list("by id", &runtimeapi.PodSandboxFilter{Id: ready.id}, 1)
			list("by the start of its id", &runtimeapi.PodSandboxFilter{Id: ready.id[:12]}, 1)
			list("by id and another state", &runtimeapi.PodSandboxFilter{
				Id: ready.id, State: state(runtimeapi.PodSandboxState_SANDBOX_NOTREADY),
			}, 0)
		}},
		{"pod: stopping takes its containers along", func(t *T) {
			p := t.runPod(hostNetwork)
			c := p.run(script("trap '' TERM; while :; do sleep 1; done"))
			created := p.create()
			t.want("stop", code(t.runtime.StopPodSandbox(t, p.id)), "OK")
			t.want("state", c.status().State, runtimeapi.ContainerState_CONTAINER_EXITED)
			t.want("exit code", c.status().ExitCode, 137)
			t.see("one that never ran", created.status().State)
			t.ok(t.runtime.RemovePodSandbox(t, p.id), "RemovePodSandbox")
			_, err := t.runtime.ContainerStatus(t, c.id, false)
			t.want("status after removal", code(err), "NotFound")
		}},
		{"pod: host name and resolver", func(t *T) {
			p := t.runPod(func(config *runtimeapi.PodSandboxConfig) {
				config.Hostname = "a-name"
				config.DnsConfig = &runtimeapi.DNSConfig{
					Servers: []string{"10.0.0.10"}, Searches: []string{"default.svc.cluster.local", "svc.cluster.local"}, Options: []string{"ndots:5"},
				}
			})
			c := p.run()
			t.want("hostname", c.shell("hostname"), "a-name")
			t.see("/etc/hostname", c.shell("cat /etc/hostname"))
			t.see("/etc/resolv.conf", c.shell("cat /etc/resolv.conf"))
		}},
		{"pod: namespaced sysctls", func(t *T) {
			p := t.runPod(func(config *runtimeapi.PodSandboxConfig) {
				config.Linux.Sysctls = map[string]string{"net.ipv4.ip_unprivileged_port_start": "80", "kernel.shm_rmid_forced": "1"}
			})
			c := p.run()
			t.want("net", c.shell("cat /proc/sys/net/ipv4/ip_unprivileged_port_start"), "80")
			t.want("ipc", c.shell("cat /proc/sys/kernel/shm_rmid_forced"), "1")
		}},
		{"pod: one process namespace for all", func(t *T) {
			p := t.runPod(hostNetwork, sharedProcesses)
			p.run(command("sleep", "31415"))
			c := p.run()
			t.want("sees the neighbour", c.shell("ps | grep '[3]1415' | wc -l"), "1")
			t.want("is not process 1", c.shell("readlink /proc/1/exe") != "/bin/pause", true)
		}},
		{"pod: a process namespace a container, and one that joins it", func(t *T) {
			p := t.runPod(hostNetwork)
			target := p.run(command("sleep", "27182"))
			alone := p.run()
			t.want("alone", alone.shell("ps | grep '[2]7182' | wc -l; readlink /proc/1/exe"), "0\n/bin/pause")
			joined := p.run(func(config *runtimeapi.ContainerConfig) {
				config.Linux.SecurityContext.NamespaceOptions.Pid = runtimeapi.NamespaceMode_TARGET
				config.Linux.SecurityContext.NamespaceOptions.TargetId = target.id
			})
			t.want("joined", joined.shell("ps | grep '[2]7182' | wc -l"), "1")
		}},
		{"pod: the host's process namespace", func(t *T) {
			p := t.runPod(hostNetwork, func(config *runtimeapi.PodSandboxConfig) {
				config.Linux.SecurityContext.NamespaceOptions.Pid = runtimeapi.NamespaceMode_NODE
			})
			c := p.run()
			t.want("same namespace", c.shell("readlink /proc/self/ns/pid"), hostNamespace("pid"))
		}},
		{"pod: shared memory", func(t *T) {
			p := t.runPod(hostNetwork)
			first, second := p.run(), p.run()
			t.want("write", first.shell("echo hello >/dev/shm/f"), "")
			t.want("read by the other", second.shell("cat /dev/shm/f"), "hello")
			t.see("size", first.shell("df -k /dev/shm | awk 'NR==2 {print $2}'"))
			node := t.runPod(hostNetwork, func(config *runtimeapi.PodSandboxConfig) {
				config.Linux.SecurityContext.NamespaceOptions.Ipc = runtimeapi.NamespaceMode_NODE
			}).run()
			t.want("the host's", node.shell("readlink /proc/self/ns/ipc"), hostNamespace("ipc"))
		}},
		{"pod: a handler that is not configured", func(t *T) {
			_, err := t.runtime.RunPodSandbox(t, t.podConfig(hostNetwork), "no-such-handler")
			t.see("code", code(err))
			t.want("names it", err != nil && strings.Contains(err.Error(), "no-such-handler"), true)
		}},
		{"pod: a configuration without metadata", func(t *T) {
			config := t.podConfig(hostNetwork)
			config.Metadata = &runtimeapi.PodSandboxMetadata{}
			id, err := t.runtime.RunPodSandbox(t, config, "")
			if err == nil {
				t.adopt(id, config)
			}
			t.see("code", code(err))
		}},
		{"pod: verbose status", func(t *T) {
			p := t.runPod(hostNetwork)
			response, err := t.runtime.PodSandboxStatus(t, p.id, true)
			t.ok(err, "PodSandboxStatus")
			var info struct {
				Pid int `json:"pid"`
			}
			t.want("info is JSON", json.Unmarshal([]byte(response.Info["info"]), &info) == nil, true)
			t.want("tells a process", info.Pid > 1, true)
		}},
		{"pod: status with its containers, as the evented PLEG reads it", func(t *T) {
			p := t.runPod(hostNetwork)
			c := p.run()
			response, err := t.runtime.PodSandboxStatus(t, p.id, false)
			t.ok(err, "PodSandboxStatus")
			t.want("timestamp", response.Timestamp > 0, true)
			t.want("containers", len(response.ContainersStatuses), 1)
			if len(response.ContainersStatuses) == 1 {
				t.want("it", response.ContainersStatuses[0].Id == c.id, true)
			}
		}},
		{"pod: eight at once", func(t *T) {
			configs := make([]*runtimeapi.PodSandboxConfig, 8)
			ids := make([]string, len(configs))
			errs := make([]error, len(configs))
			for i := range configs {
				configs[i] = t.podConfig()
			}
			var all sync.WaitGroup
			for i := range configs {
				all.Go(func() { ids[i], errs[i] = t.runtime.RunPodSandbox(t, configs[i], "") })
			}
			all.Wait()
			addresses := map[string]bool{}
			for i := range configs {
				t.ok(errs[i], "RunPodSandbox")
				addresses[t.adopt(ids[i], configs[i]).status().Network.GetIp()] = true
			}
			t.want("addresses", len(addresses), len(configs))
		}},
		{"pod: the same name at once", func(t *T) {
			config := t.podConfig(hostNetwork)
			ids := make([]string, 4)
			var all sync.WaitGroup
			for i := range ids {
				all.Go(func() { ids[i], _ = t.runtime.RunPodSandbox(t, config, "") })
			}
			all.Wait()
			started := map[string]bool{}
			for _, id := range ids {
				if id != "" {
					started[id] = true
					t.adopt(id, config)
				}
			}
			t.want("pods", len(started), 1)
		}},
	}
}
