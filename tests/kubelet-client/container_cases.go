package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	criapierrors "k8s.io/cri-api/pkg/errors"
)

func containerCases() []testCase {
	return []testCase{
		{"container: created, running, exited", func(t *T) {
			p := t.runPod(hostNetwork)
			c := p.create(script("sleep 0.3"), func(config *runtimeapi.ContainerConfig) {
				config.Labels = map[string]string{"io.kubernetes.container.name": "main"}
				config.Annotations = map[string]string{"io.kubernetes.container.restartCount": "0"}
			})
			t.want("id", isObjectID(c.id), true)
			created := c.status()
			t.want("after create", created.State, runtimeapi.ContainerState_CONTAINER_CREATED)
			t.want("no times yet", created.StartedAt == 0 && created.FinishedAt == 0, true)
			t.want("metadata", created.Metadata.Name == c.config.Metadata.Name, true)
			t.want("labels", fmt.Sprint(created.Labels), "map[io.kubernetes.container.name:main]")
			t.want("annotations", fmt.Sprint(created.Annotations), "map[io.kubernetes.container.restartCount:0]")
			t.see("image", created.Image.GetImage())
			t.see("image reference", created.ImageRef)
			t.see("image id", created.ImageId)
			t.want("log path", created.LogPath == c.logFile(), true)
			t.ok(t.runtime.StartContainer(t, c.id), "StartContainer")
			exited := c.awaitExit()
			t.want("exit code", exited.ExitCode, 0)
			t.want("reason", exited.Reason, "Completed")
			t.want("times in order", created.CreatedAt <= exited.StartedAt && exited.StartedAt <= exited.FinishedAt, true)
		}},
		{"container: start what runs or has run", func(t *T) {
			p := t.runPod(hostNetwork)
			running := p.run()
			err := t.runtime.StartContainer(t, running.id)
			t.want("running is refused", err != nil, true)
			t.see("running", code(err))
			exited := p.run(script("exit 0"))
			exited.awaitExit()
			err = t.runtime.StartContainer(t, exited.id)
			t.want("exited is refused", err != nil, true)
			t.see("exited", code(err))
		}},
		{"container: stop in every state", func(t *T) {
			p := t.runPod(hostNetwork)
			c := p.create()
			t.want("created", code(t.runtime.StopContainer(t, c.id, 1)), "OK")
			running := p.run()
			t.want("running", code(t.runtime.StopContainer(t, running.id, 10)), "OK")
			t.want("state", running.status().State, runtimeapi.ContainerState_CONTAINER_EXITED)
			t.want("exited", code(t.runtime.StopContainer(t, running.id, 10)), "OK")
			t.want("nobody's", code(t.runtime.StopContainer(t, unknownID, 10)), "OK")
		}},
		{"container: two stops at once", func(t *T) {
			c := t.runPod(hostNetwork).run(script("trap '' TERM; echo up; while :; do sleep 1; done"))
			c.awaitLog("up")
			codes := make([]string, 2)
			var both sync.WaitGroup
			for i, grace := range []int64{30, 1} {
				both.Go(func() { codes[i] = code(t.runtime.StopContainer(t, c.id, grace)) })
			}
			both.Wait()
			t.want("codes", fmt.Sprint(codes), "[OK OK]")
			t.want("exit code", c.status().ExitCode, 137)
		}},
		{"container: remove in every state", func(t *T) {
			p := t.runPod(hostNetwork)
			created, running, exited := p.create(), p.run(), p.run(script("exit 0"))
			exited.awaitExit()
			t.want("created", code(t.runtime.RemoveContainer(t, created.id)), "OK")
			t.want("exited", code(t.runtime.RemoveContainer(t, exited.id)), "OK")
			t.want("again", code(t.runtime.RemoveContainer(t, exited.id)), "OK")
			t.want("nobody's", code(t.runtime.RemoveContainer(t, unknownID)), "OK")
			t.see("running", code(t.runtime.RemoveContainer(t, running.id)))
			_, err := t.runtime.ContainerStatus(t, running.id, false)
			t.see("its status", code(err))
		}},
		{"container: nobody's id", func(t *T) {
			_, err := t.runtime.ContainerStatus(t, unknownID, false)
			t.want("status", code(err), "NotFound")
			t.want("kubelet takes it for not found", criapierrors.IsNotFound(err), true)
			t.want("start", code(t.runtime.StartContainer(t, unknownID)), "NotFound")
			t.want("reopen log", code(t.runtime.ReopenContainerLog(t, unknownID)), "NotFound")
			_, _, err = t.runtime.ExecSync(t, unknownID, []string{"true"}, 0)
			t.want("exec", code(err), "NotFound")
			_, err = t.runtime.ContainerStats(t, unknownID)
			t.see("stats", code(err))
			err = t.runtime.UpdateContainerResources(t, unknownID, &runtimeapi.ContainerResources{
				Linux: &runtimeapi.LinuxContainerResources{CpuShares: 512},
			})
			t.see("update", code(err))
		}},
		{"container: the same name and attempt twice", func(t *T) {
			p := t.runPod(hostNetwork)
			c := p.run()
			again, err := t.runtime.CreateContainer(t, p.id, c.config, p.config)
			t.see("code", code(err))
			t.want("no second container", again == "" || again == c.id, true)
			changed := p.containerConfig(script("exit 1"))
			changed.Metadata = c.config.Metadata
			_, err = t.runtime.CreateContainer(t, p.id, changed, p.config)
			t.want("another configuration is refused", err != nil, true)
			t.see("code of another configuration", code(err))
			c.config.Metadata.Attempt = 1
			_, err = t.runtime.CreateContainer(t, p.id, c.config, p.config)
			t.want("next attempt", code(err), "OK")
		}},
		{"container: the same request again, as a kubelet's retry is written", func(t *T) {
			p := t.runPod(hostNetwork)
			config := p.containerConfig(func(config *runtimeapi.ContainerConfig) {
				config.Labels = manyEntries("label")
				config.Annotations = manyEntries("annotation")
				config.Annotations["io.kubernetes.container.terminationMessagePath"] = "/dev/termination-log"
			})
			create := func() (string, error) {
				// The kubelet makes up a new file, and takes services' variables out of a map.
				config.Mounts = []*runtimeapi.Mount{{ContainerPath: "/dev/termination-log", HostPath: t.hostFile("log", "")}}
				config.Envs = nil
				for key, value := range manyEntries("SERVICE") {
					config.Envs = append(config.Envs, &runtimeapi.KeyValue{Key: key, Value: []byte(value)})
				}
				return t.runtime.CreateContainer(t, p.id, config, p.config)
			}
			id, err := create()
			t.ok(err, "CreateContainer")
			t.see("same answer", t.sameAnswer(id, create))
		}},
		{"container: create where it cannot be", func(t *T) {
			p := t.runPod(hostNetwork)
			_, err := t.runtime.CreateContainer(t, unknownID, p.containerConfig(), p.config)
			t.see("in nobody's pod", code(err))
			t.want("refused", err != nil, true)
			absent := p.containerConfig(func(config *runtimeapi.ContainerConfig) { config.Image = spec(t.registry + "/test/absent:1") })
			_, err = t.runtime.CreateContainer(t, p.id, absent, p.config)
			t.see("of an image that is not there", code(err))
			nameless := p.containerConfig(func(config *runtimeapi.ContainerConfig) { config.Metadata = &runtimeapi.ContainerMetadata{} })
			_, err = t.runtime.CreateContainer(t, p.id, nameless, p.config)
			t.see("without a name", code(err))
			t.ok(t.runtime.StopPodSandbox(t, p.id), "StopPodSandbox")
			_, err = t.runtime.CreateContainer(t, p.id, p.containerConfig(), p.config)
			t.see("in a stopped pod", code(err))
		}},
		{"container: list filters", func(t *T) {
			p := t.runPod(hostNetwork)
			labelled := func(config *runtimeapi.ContainerConfig) { config.Labels = map[string]string{"tier": "front"} }
			running, created := p.run(labelled), p.create()
			list := func(key string, filter *runtimeapi.ContainerFilter, want int) {
				containers, err := t.runtime.ListContainers(t, filter)
				t.ok(err, "ListContainers")
				t.want(key, len(containers), want)
			}
			state := func(s runtimeapi.ContainerState) *runtimeapi.ContainerStateValue {
				return &runtimeapi.ContainerStateValue{State: s}
			}
			list("by pod", &runtimeapi.ContainerFilter{PodSandboxId: p.id}, 2)
			list("by the start of the pod's id", &runtimeapi.ContainerFilter{PodSandboxId: p.id[:12]}, 2)
			list("by id", &runtimeapi.ContainerFilter{Id: created.id}, 1)
			list("by the start of its id", &runtimeapi.ContainerFilter{Id: running.id[:12]}, 1)
			list("by label", &runtimeapi.ContainerFilter{PodSandboxId: p.id, LabelSelector: map[string]string{"tier": "front"}}, 1)
			list("running", &runtimeapi.ContainerFilter{PodSandboxId: p.id, State: state(runtimeapi.ContainerState_CONTAINER_RUNNING)}, 1)
			list("exited", &runtimeapi.ContainerFilter{PodSandboxId: p.id, State: state(runtimeapi.ContainerState_CONTAINER_EXITED)}, 0)
			list("nobody's", &runtimeapi.ContainerFilter{Id: unknownID}, 0)
		}},
		{"container: verbose status", func(t *T) {
			c := t.runPod(hostNetwork).run()
			response, err := t.runtime.ContainerStatus(t, c.id, true)
			t.ok(err, "ContainerStatus")
			var info struct {
				Pid         int             `json:"pid"`
				RuntimeSpec json.RawMessage `json:"runtimeSpec"`
				Config      json.RawMessage `json:"config"`
			}
			t.want("info is JSON", json.Unmarshal([]byte(response.Info["info"]), &info) == nil, true)
			t.want("process", info.Pid > 1, true)
			t.want("specification", strings.Contains(string(info.RuntimeSpec), `"/bin/pause"`), true)
			t.want("configuration", strings.Contains(string(info.Config), c.config.Metadata.Name), true)
		}},
		{"container: the same name at once", func(t *T) {
			p := t.runPod(hostNetwork)
			config := p.containerConfig()
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { _, _ = t.runtime.CreateContainer(t, p.id, config, p.config) })
			}
			all.Wait()
			containers, err := t.runtime.ListContainers(t, &runtimeapi.ContainerFilter{PodSandboxId: p.id})
			t.ok(err, "ListContainers")
			t.want("created", len(containers), 1)
		}},
		{"container: start in a stopped pod", func(t *T) {
			p := t.runPod(hostNetwork)
			c := p.create()
			t.ok(t.runtime.StopPodSandbox(t, p.id), "StopPodSandbox")
			err := t.runtime.StartContainer(t, c.id)
			t.want("refused", err != nil, true)
			t.see("code", code(err))
		}},
	}
}
