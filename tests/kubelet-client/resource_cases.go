package main

import (
	"strings"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func limits(resources *runtimeapi.LinuxContainerResources) containerEdit {
	return func(config *runtimeapi.ContainerConfig) { config.Linux.Resources = resources }
}

// showLimits reads them where the container's own control group shows them, in either layout of the hierarchy.
const showLimits = `cd /sys/fs/cgroup; for f in memory/memory.limit_in_bytes cpu/cpu.shares cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpuset/cpuset.cpus memory.max cpu.weight cpu.max; do
  [ -e $f ] && echo $f $(cat $f); done`

func resourceCases() []testCase {
	return []testCase{
		{"resources: limits at creation", func(t *T) {
			c := t.runPod(hostNetwork).run(limits(&runtimeapi.LinuxContainerResources{
				MemoryLimitInBytes: 64 << 20, CpuShares: 512, CpuQuota: 50_000, CpuPeriod: 100_000, CpusetCpus: "0",
			}))
			t.see("control group", c.shell(showLimits))
		}},
		{"resources: limits changed while it runs", func(t *T) {
			c := t.runPod(hostNetwork).run(limits(&runtimeapi.LinuxContainerResources{MemoryLimitInBytes: 64 << 20, CpuShares: 512}))
			update := &runtimeapi.ContainerResources{Linux: &runtimeapi.LinuxContainerResources{
				MemoryLimitInBytes: 96 << 20, CpuShares: 1024, CpuQuota: 70_000, CpuPeriod: 100_000,
			}}
			t.want("code", code(t.runtime.UpdateContainerResources(t, c.id, update)), "OK")
			t.see("control group", c.shell(showLimits))
		}},
		{"resources: read back in the status", func(t *T) {
			c := t.runPod(hostNetwork).run(limits(&runtimeapi.LinuxContainerResources{MemoryLimitInBytes: 64 << 20, CpuShares: 512}))
			t.want("memory", c.status().Resources.GetLinux().GetMemoryLimitInBytes(), 64<<20)
			update := &runtimeapi.ContainerResources{Linux: &runtimeapi.LinuxContainerResources{MemoryLimitInBytes: 96 << 20, CpuShares: 1024}}
			t.ok(t.runtime.UpdateContainerResources(t, c.id, update), "UpdateContainerResources")
			t.want("memory afterwards", c.status().Resources.GetLinux().GetMemoryLimitInBytes(), 96<<20)
			t.want("shares afterwards", c.status().Resources.GetLinux().GetCpuShares(), 1024)
		}},
		{"resources: a change that the kernel refuses", func(t *T) {
			c := t.runPod(hostNetwork).run(limits(&runtimeapi.LinuxContainerResources{CpusetCpus: "0"}))
			err := t.runtime.UpdateContainerResources(t, c.id, &runtimeapi.ContainerResources{
				Linux: &runtimeapi.LinuxContainerResources{CpusetCpus: "0-4095"},
			})
			t.want("refused", err != nil, true)
			t.want("as before", strings.Contains(c.shell(showLimits), "cpuset.cpus 0"), true)
			t.want("goes on", c.status().State, runtimeapi.ContainerState_CONTAINER_RUNNING)
		}},
		{"resources: a change of one that has exited", func(t *T) {
			c := t.runPod(hostNetwork).run(script("exit 0"))
			c.awaitExit()
			err := t.runtime.UpdateContainerResources(t, c.id, &runtimeapi.ContainerResources{
				Linux: &runtimeapi.LinuxContainerResources{CpuShares: 512},
			})
			t.see("code", code(err))
		}},
		{"resources: a pod's own", func(t *T) {
			p := t.runPod(hostNetwork)
			_, err := t.runtime.UpdatePodSandboxResources(t, &runtimeapi.UpdatePodSandboxResourcesRequest{
				PodSandboxId: p.id, Resources: &runtimeapi.LinuxContainerResources{CpuShares: 512},
			})
			t.want("code", code(err), "OK")
		}},
		{"stats: of a container", func(t *T) {
			c := t.runPod(hostNetwork).run(script("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; head -c 100000 /dev/zero >/tmp/f; echo done; sleep 100"))
			c.awaitLog("done")
			var stats *runtimeapi.ContainerStats
			t.await("statistics", 20*time.Second, func() bool {
				var err error
				stats, err = t.runtime.ContainerStats(t, c.id)
				t.ok(err, "ContainerStats")
				return stats.GetWritableLayer().GetUsedBytes().GetValue() >= 100_000
			})
			t.want("id", stats.Attributes.Id == c.id, true)
			t.want("name", stats.Attributes.Metadata.Name == c.config.Metadata.Name, true)
			t.want("cpu", stats.Cpu.GetUsageCoreNanoSeconds().GetValue() > 0, true)
			t.want("memory", stats.Memory.GetWorkingSetBytes().GetValue() > 0, true)
			t.see("memory usage", stats.Memory.GetUsageBytes() != nil)
			t.see("memory rss", stats.Memory.GetRssBytes() != nil)
			t.see("page faults", stats.Memory.GetPageFaults() != nil)
			t.want("timestamps", stats.Cpu.GetTimestamp() > 0 && stats.Memory.GetTimestamp() > 0 && stats.WritableLayer.GetTimestamp() > 0, true)
			t.want("inodes", stats.WritableLayer.GetInodesUsed().GetValue() > 0, true)
		}},
		{"stats: list and filters", func(t *T) {
			p := t.runPod(hostNetwork)
			labelled := func(config *runtimeapi.ContainerConfig) { config.Labels = map[string]string{"tier": "front"} }
			c, _, exited := p.run(labelled), p.run(), p.run(script("exit 0"))
			exited.awaitExit()
			list := func(key string, filter *runtimeapi.ContainerStatsFilter, want int) {
				stats, err := t.runtime.ListContainerStats(t, filter)
				t.ok(err, "ListContainerStats")
				t.want(key, len(stats), want)
			}
			list("by id", &runtimeapi.ContainerStatsFilter{Id: c.id}, 1)
			list("by pod, only what runs", &runtimeapi.ContainerStatsFilter{PodSandboxId: p.id}, 2)
			list("by label", &runtimeapi.ContainerStatsFilter{PodSandboxId: p.id, LabelSelector: map[string]string{"tier": "front"}}, 1)
			list("nobody's", &runtimeapi.ContainerStatsFilter{Id: unknownID}, 0)
		}},
		{"stats: of one that has exited", func(t *T) {
			c := t.runPod(hostNetwork).run(script("exit 0"))
			c.awaitExit()
			_, err := t.runtime.ContainerStats(t, c.id)
			t.see("code", code(err))
		}},
		{"stats: of a pod", func(t *T) {
			p := t.runPod()
			c := p.run()
			stats, err := t.runtime.PodSandboxStats(t, p.id)
			t.ok(err, "PodSandboxStats")
			linux := stats.GetLinux()
			t.want("id", stats.Attributes.Id == p.id, true)
			t.want("cpu", linux.GetCpu().GetUsageCoreNanoSeconds().GetValue() > 0, true)
			t.want("memory", linux.GetMemory().GetWorkingSetBytes().GetValue() > 0, true)
			t.want("interface", linux.GetNetwork().GetDefaultInterface().GetName(), "eth0")
			t.see("received is known", linux.GetNetwork().GetDefaultInterface().GetRxBytes() != nil)
			t.want("processes", linux.GetProcess().GetProcessCount().GetValue() > 0, true)
			t.want("containers", len(linux.GetContainers()), 1)
			if len(linux.GetContainers()) == 1 {
				t.want("it", linux.GetContainers()[0].Attributes.Id == c.id, true)
			}
		}},
		{"stats: of pods, filtered", func(t *T) {
			mark := uniqueName("mark")
			labelled := func(config *runtimeapi.PodSandboxConfig) { config.Labels = map[string]string{"mark": mark} }
			t.runPod(hostNetwork, labelled)
			stopped := t.runPod(hostNetwork, labelled)
			stats, err := t.runtime.ListPodSandboxStats(t, &runtimeapi.PodSandboxStatsFilter{LabelSelector: map[string]string{"mark": mark}})
			t.ok(err, "ListPodSandboxStats")
			t.want("count", len(stats), 2)
			t.ok(t.runtime.StopPodSandbox(t, stopped.id), "StopPodSandbox")
			stats, err = t.runtime.ListPodSandboxStats(t, &runtimeapi.PodSandboxStatsFilter{LabelSelector: map[string]string{"mark": mark}})
			t.ok(err, "ListPodSandboxStats")
			t.see("one stopped", len(stats))
		}},
		{"stats: metrics and their descriptors", func(t *T) {
			p := t.runPod(hostNetwork)
			p.run()
			descriptors, err := t.runtime.ListMetricDescriptors(t)
			t.want("descriptors", code(err), "OK")
			if err != nil {
				return
			}
			known := map[string]int{}
			for _, d := range descriptors {
				known[d.Name] = len(d.LabelKeys)
			}
			metrics, err := t.runtime.ListPodSandboxMetrics(t)
			t.ok(err, "ListPodSandboxMetrics")
			found, undescribed := 0, 0
			count := func(list []*runtimeapi.Metric) {
				for _, m := range list {
					if labels, there := known[m.Name]; !there || labels != len(m.LabelValues) {
						undescribed++
					}
				}
			}
			for _, sandbox := range metrics {
				if sandbox.PodSandboxId == p.id {
					found++
				}
				count(sandbox.Metrics)
				for _, c := range sandbox.ContainerMetrics {
					count(c.Metrics)
				}
			}
			t.want("the pod is there", found, 1)
			t.want("metrics without a fitting descriptor", undescribed, 0)
		}},
	}
}
