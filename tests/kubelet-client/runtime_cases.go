package main

import (
	"slices"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	cri "k8s.io/cri-client/pkg"
)

func runtimeCases() []testCase {
	return []testCase{
		{"runtime: version", func(t *T) {
			version, err := t.runtime.Version(t, "0.1.0")
			t.ok(err, "Version")
			t.want("kubelet API version", version.Version, "0.1.0")
			t.want("runtime API version", version.RuntimeApiVersion, "v1")
		}},
		{"runtime: status conditions", func(t *T) {
			status, err := t.runtime.Status(t, false)
			t.ok(err, "Status")
			for _, name := range []string{"RuntimeReady", "NetworkReady"} {
				at := slices.IndexFunc(status.Status.Conditions, func(c *runtimeapi.RuntimeCondition) bool { return c.Type == name })
				t.want(name, at >= 0 && status.Status.Conditions[at].Status, true)
			}
			t.want("no info unless asked", len(status.Info), 0)
		}},
		{"runtime: verbose status has a configuration", func(t *T) {
			status, err := t.runtime.Status(t, true)
			t.ok(err, "Status")
			t.want("has info", len(status.Info) > 0, true)
		}},
		{"runtime: handlers of the status", func(t *T) {
			status, err := t.runtime.Status(t, false)
			t.ok(err, "Status")
			hasDefault := slices.ContainsFunc(status.RuntimeHandlers, func(h *runtimeapi.RuntimeHandler) bool { return h.Name == "" })
			t.want("default handler", hasDefault, true)
		}},
		{"runtime: cgroup driver", func(t *T) {
			config, err := t.runtime.RuntimeConfig(t)
			t.want("code", code(err), "OK")
			if err == nil {
				t.want("driver", config.Linux.GetCgroupDriver(), runtimeapi.CgroupDriver_CGROUPFS)
			}
		}},
		{"runtime: pod CIDR update", func(t *T) {
			err := t.runtime.UpdateRuntimeConfig(t, &runtimeapi.RuntimeConfig{
				NetworkConfig: &runtimeapi.NetworkConfig{PodCidr: ""},
			})
			t.want("code", code(err), "OK")
		}},
		{"runtime: lists through streaming RPCs", func(t *T) {
			p := t.runPod(hostNetwork)
			c := p.run()
			streaming, err := cri.NewRemoteRuntimeServiceBuilder().
				WithEndpoint(t.endpoint).WithConnectionTimeout(callTimeout).WithUseStreaming(true).Build(t)
			t.ok(err, "connect")
			t.cleanup(func() { _ = streaming.Close(t) })
			pods, err := streaming.ListPodSandbox(t, &runtimeapi.PodSandboxFilter{Id: p.id})
			t.want("pods", code(err), "OK")
			t.want("pod count", len(pods), 1)
			containers, err := streaming.ListContainers(t, &runtimeapi.ContainerFilter{Id: c.id})
			t.want("containers", code(err), "OK")
			t.want("container count", len(containers), 1)
			stats, err := streaming.ListContainerStats(t, &runtimeapi.ContainerStatsFilter{Id: c.id})
			t.want("stats", code(err), "OK")
			t.want("stats count", len(stats), 1)
			sandboxStats, err := streaming.ListPodSandboxStats(t, &runtimeapi.PodSandboxStatsFilter{Id: p.id})
			t.want("pod stats", code(err), "OK")
			t.want("pod stats count", len(sandboxStats), 1)
		}},
		{"runtime: RPCs that are not there", func(t *T) {
			for key, path := range map[string]string{
				"method":  "/runtime.v1.RuntimeService/NoSuchMethod",
				"service": "/runtime.v9.RuntimeService/Version",
			} {
				err := t.conn.Invoke(t, path, &runtimeapi.VersionRequest{}, &runtimeapi.VersionResponse{})
				t.want("code of an unknown "+key, code(err), "Unimplemented")
			}
		}},
		{"runtime: checkpoint", func(t *T) {
			c := t.runPod(hostNetwork).run()
			err := t.runtime.CheckpointContainer(t, &runtimeapi.CheckpointContainerRequest{
				ContainerId: c.id, Location: t.directory + "/checkpoint.tar",
			})
			t.see("code", code(err))
		}},
	}
}
