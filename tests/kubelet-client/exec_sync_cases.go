package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	cri "k8s.io/cri-client/pkg"
	utilexec "k8s.io/utils/exec"
)

func execSyncCases() []testCase {
	return []testCase{
		{"exec sync: output and exit code", func(t *T) {
			c := t.runPod(hostNetwork).run()
			stdout, stderr, err := t.runtime.ExecSync(t, c.id, []string{"sh", "-c", "echo out; echo err >&2"}, 10*time.Second)
			t.want("end", exit(err), "exit 0")
			t.want("stdout", string(stdout), "out\n")
			t.want("stderr", string(stderr), "err\n")
			stdout, stderr, err = t.runtime.ExecSync(t, c.id, []string{"sh", "-c", "echo out; echo err >&2; exit 3"}, 10*time.Second)
			var failed utilexec.CodeExitError
			t.want("a probe sees an exit code", errors.As(err, &failed) && failed.Exited(), true)
			t.want("it", failed.Code, 3)
			t.want("stdout of it", string(stdout), "out\n")
			t.want("stderr of it", string(stderr), "err\n")
		}},
		{"exec sync: killed by a signal", func(t *T) {
			c := t.runPod(hostNetwork).run()
			_, _, err := t.runtime.ExecSync(t, c.id, []string{"sh", "-c", "kill -9 $$"}, 10*time.Second)
			t.want("KILL", exit(err), "exit 137")
			_, _, err = t.runtime.ExecSync(t, c.id, []string{"sh", "-c", "kill -15 $$"}, 10*time.Second)
			t.want("TERM", exit(err), "exit 143")
		}},
		{"exec sync: out of time", func(t *T) {
			c := t.runPod(hostNetwork).run()
			mark := uniqueMark()
			started := time.Now()
			_, _, err := t.runtime.ExecSync(t, c.id, []string{"sleep", mark}, time.Second)
			t.want("a probe sees a timeout", errors.Is(err, cri.ErrCommandTimedOut), true)
			t.want("in time", time.Since(started) < 5*time.Second, true)
			t.want("the process is gone", t.holds(5*time.Second, func() bool { return len(hostProcesses(mark)) == 0 }), true)
			t.want("the container goes on", c.shell("echo well"), "well")
		}},
		{"exec sync: out of time with a child that holds the output", func(t *T) {
			c := t.runPod(hostNetwork).run()
			mark := uniqueMark()
			started := time.Now()
			_, _, err := t.runtime.ExecSync(t, c.id, []string{"sh", "-c", "sleep " + mark + " & wait"}, time.Second)
			t.want("a probe sees a timeout", errors.Is(err, cri.ErrCommandTimedOut), true)
			t.want("in time", time.Since(started) < 20*time.Second, true)
		}},
		{"exec sync: no limit", func(t *T) {
			c := t.runPod(hostNetwork).run()
			stdout, _, err := t.runtime.ExecSync(t, c.id, []string{"sh", "-c", "sleep 1; echo done"}, 0)
			t.want("end", exit(err), "exit 0")
			t.want("stdout", string(stdout), "done\n")
		}},
		{"exec sync: a command that is not there", func(t *T) {
			c := t.runPod(hostNetwork).run()
			_, _, err := t.runtime.ExecSync(t, c.id, []string{"/no/such/command"}, 10*time.Second)
			t.want("not an exit code", exit(err), "error")
			t.see("code", code(err))
			t.want("names it", err != nil && strings.Contains(err.Error(), "/no/such/command"), true)
		}},
		{"exec sync: nothing to run", func(t *T) {
			c := t.runPod(hostNetwork).run()
			_, _, err := t.runtime.ExecSync(t, c.id, nil, 10*time.Second)
			t.want("refused", exit(err), "error")
			t.see("code", code(err))
		}},
		{"exec sync: in one that does not run", func(t *T) {
			p := t.runPod(hostNetwork)
			created, exited := p.create(), p.run(script("exit 0"))
			exited.awaitExit()
			_, _, err := t.runtime.ExecSync(t, created.id, []string{"true"}, 10*time.Second)
			t.see("created", code(err))
			_, _, err = t.runtime.ExecSync(t, exited.id, []string{"true"}, 10*time.Second)
			t.see("exited", code(err))
		}},
		{"exec sync: much output", func(t *T) {
			c := t.runPod(hostNetwork).run()
			stdout, stderr, err := t.runtime.ExecSync(t, c.id,
				[]string{"sh", "-c", "head -c 4000000 /dev/zero; head -c 3000000 /dev/zero >&2"}, 20*time.Second)
			t.want("end", exit(err), "exit 0")
			t.want("stdout", len(stdout), 4_000_000)
			t.want("stderr", len(stderr), 3_000_000)
		}},
		{"exec sync: bytes that are no text", func(t *T) {
			c := t.runPod(hostNetwork).run()
			stdout, _, err := t.runtime.ExecSync(t, c.id, []string{"printf", `\0\377\n\r\200`}, 10*time.Second)
			t.ok(err, "ExecSync")
			t.want("stdout", bytes.Equal(stdout, []byte{0, 0xff, '\n', '\r', 0x80}), true)
		}},
		{"exec sync: surroundings", func(t *T) {
			c := t.runPod(hostNetwork).run(func(config *runtimeapi.ContainerConfig) {
				config.WorkingDir = "/tmp"
				config.Envs = []*runtimeapi.KeyValue{{Key: "A", Value: []byte("from the container")}}
			}, security(func(s *runtimeapi.LinuxContainerSecurityContext) { s.RunAsUser = &runtimeapi.Int64Value{Value: 1000} }))
			t.see("sees", c.shell("pwd; echo $A; id -u; id -g; grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status; test -t 0 || echo no terminal"))
		}},
		{"exec sync: a daemon left behind", func(t *T) {
			c := t.runPod(hostNetwork).run()
			mark := uniqueMark()
			started := time.Now()
			stdout, _, err := t.runtime.ExecSync(t, c.id, []string{"sh", "-c", "sleep " + mark + " >/dev/null 2>&1 & echo hi"}, 10*time.Second)
			t.want("end", exit(err), "exit 0")
			t.want("stdout", string(stdout), "hi\n")
			t.want("at once", time.Since(started) < 4*time.Second, true)
			t.want("it stays", len(hostProcesses(mark)), 1)
		}},
		{"exec sync: thirty at once", func(t *T) {
			c := t.runPod(hostNetwork).run()
			ends := make([]string, 30)
			var all sync.WaitGroup
			for i := range ends {
				all.Go(func() {
					stdout, _, err := t.runtime.ExecSync(t, c.id, []string{"sh", "-c", fmt.Sprintf("echo %d; exit %d", i, i)}, 20*time.Second)
					ends[i] = exit(err)
					if string(stdout) != fmt.Sprintln(i) {
						ends[i] += " with other output"
					}
				})
			}
			all.Wait()
			right := 0
			for i, end := range ends {
				if end == fmt.Sprintf("exit %d", i) {
					right++
				}
			}
			t.want("right", right, len(ends))
		}},
	}
}
