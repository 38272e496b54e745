package main

import (
	"fmt"
	"strings"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func exitCases() []testCase {
	ends := func(name, text string, exitCode int, reason string) testCase {
		return testCase{"exit: " + name, func(t *T) {
			status := t.runPod(hostNetwork).run(script(text)).awaitExit()
			t.want("code", status.ExitCode, exitCode)
			t.want("reason", status.Reason, reason)
			t.see("message", status.Message)
		}}
	}
	return []testCase{
		ends("by itself, well", "exit 0", 0, "Completed"),
		ends("by itself, badly", "exit 3", 3, "Error"),
		ends("the largest code", "exit 255", 255, "Error"),
		{"exit: killed by a signal it sent itself", func(t *T) {
			// Not process 1, which no signal from inside can kill.
			status := t.runPod(hostNetwork, sharedProcesses).run(script("kill -9 $$")).awaitExit()
			t.want("code", status.ExitCode, 137)
			t.want("reason", status.Reason, "Error")
		}},
		{"exit: on SIGTERM, unhandled", func(t *T) {
			// Process 1 of its namespace ignores what it does not handle; pause handles it.
			c := t.runPod(hostNetwork).run(script("echo up; exec sleep 1000"))
			c.awaitLog("up")
			started := time.Now()
			t.ok(t.runtime.StopContainer(t, c.id, 2), "StopContainer")
			t.want("waits for the grace period", time.Since(started) > 1900*time.Millisecond, true)
			t.want("code", c.status().ExitCode, 137)
			t.want("reason", c.status().Reason, "Error")
		}},
		{"exit: 143 from a process that is not number 1", func(t *T) {
			p := t.runPod(hostNetwork, sharedProcesses)
			c := p.run(script("echo up; exec sleep 1000"))
			c.awaitLog("up")
			t.ok(t.runtime.StopContainer(t, c.id, 20), "StopContainer")
			t.want("code", c.status().ExitCode, 143)
			t.want("reason", c.status().Reason, "Error")
		}},
		{"exit: a handler of SIGTERM has its say", func(t *T) {
			c := t.runPod(hostNetwork).run(script("trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.1; done"))
			c.awaitLog("up")
			t.ok(t.runtime.StopContainer(t, c.id, 20), "StopContainer")
			t.want("code", c.status().ExitCode, 7)
			t.want("log", c.log(), "up\nbye\n")
		}},
		{"exit: the image's stop signal", func(t *T) {
			t.pull(t.image("stop-signal"))
			c := t.runPod(hostNetwork).run(script("trap 'exit 9' USR1; echo up; while :; do sleep 0.1; done"),
				func(config *runtimeapi.ContainerConfig) { config.Image = spec(t.image("stop-signal")) })
			c.awaitLog("up")
			t.ok(t.runtime.StopContainer(t, c.id, 20), "StopContainer")
			t.want("code", c.status().ExitCode, 9)
		}},
		{"exit: out of memory", func(t *T) {
			c := t.runPod(hostNetwork).run(peer("allocate", "256"), func(config *runtimeapi.ContainerConfig) {
				config.Linux.Resources = &runtimeapi.LinuxContainerResources{MemoryLimitInBytes: 48 << 20, MemorySwapLimitInBytes: 48 << 20}
			})
			status := c.awaitExit()
			t.want("code", status.ExitCode, 137)
			t.want("reason", status.Reason, "OOMKilled")
		}},
		{"exit: a command that is not there", func(t *T) {
			c := t.runPod(hostNetwork).create(command("/no/such/command"))
			err := t.runtime.StartContainer(t, c.id)
			t.want("refused", err != nil, true)
			t.see("code", code(err))
			t.want("names it", err != nil && strings.Contains(err.Error(), "/no/such/command"), true)
			status := c.status()
			t.see("state", status.State)
			t.see("exit code", status.ExitCode)
			t.see("reason", status.Reason)
			t.want("has a message", status.Message != "", true)
		}},
		{"exit: a command that cannot be executed", func(t *T) {
			c := t.runPod(hostNetwork).create(command("/etc/passwd"))
			err := t.runtime.StartContainer(t, c.id)
			t.want("refused", err != nil, true)
			t.see("code", code(err))
			status := c.status()
			t.see("exit code", status.ExitCode)
			t.see("reason", status.Reason)
		}},
		{"exit: a working directory that is a file", func(t *T) {
			p := t.runPod(hostNetwork)
			config := p.containerConfig(func(config *runtimeapi.ContainerConfig) { config.WorkingDir = "/etc/passwd" })
			id, err := t.runtime.CreateContainer(t, p.id, config, p.config)
			if err == nil {
				err = t.runtime.StartContainer(t, id)
			}
			t.want("refused", err != nil, true)
		}},
		{"exit: message through a mounted file", func(t *T) {
			path := t.hostFile("termination-log", "")
			c := t.runPod(hostNetwork).run(script("echo -n reason >/dev/termination-log; exit 1"), func(config *runtimeapi.ContainerConfig) {
				config.Mounts = append(config.Mounts, &runtimeapi.Mount{HostPath: path, ContainerPath: "/dev/termination-log"})
			})
			t.want("code", c.awaitExit().ExitCode, 1)
			t.want("message", readFile(path), "reason")
		}},
		{"exit: children of process 1 go with it", func(t *T) {
			mark := uniqueMark()
			c := t.runPod(hostNetwork).run(script(fmt.Sprintf("sleep %s & sleep %s & exit 0", mark, mark)))
			c.awaitExit()
			t.want("gone", t.holds(5*time.Second, func() bool { return len(hostProcesses(mark)) == 0 }), true)
		}},
	}
}
