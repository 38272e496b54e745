package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
)

var logTime = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(Z|[+-]\d\d:\d\d) `)

// readLogs is what the kubelet answers `kubectl logs` with.
func (c *container) readLogs(options *logs.LogOptions) (string, string, error) {
	var stdout, stderr bytes.Buffer
	err := logs.ReadLogs(c.t, c.logFile(), c.id, options, c.t.runtime, &stdout, &stderr)
	return stdout.String(), stderr.String(), err
}

func logCases() []testCase {
	return []testCase{
		{"log: format of the lines", func(t *T) {
			c := t.runPod(hostNetwork).run(script("echo out; echo err >&2; printf tail"))
			c.awaitExit()
			c.awaitLog("tail")
			lines := strings.Split(strings.TrimSuffix(readFile(c.logFile()), "\n"), "\n")
			t.want("every line has a time", isAll(lines, logTime.MatchString), true)
			var bare []string
			for _, line := range lines {
				bare = append(bare, logTime.ReplaceAllString(line, ""))
			}
			t.want("sorted", sortedWith(bare, "|"), "stderr F err|stdout F out|stdout P tail")
		}},
		{"log: a line longer than one entry", func(t *T) {
			c := t.runPod(hostNetwork).run(script("head -c 40000 /dev/zero | tr '\\0' x; echo"))
			c.awaitExit()
			c.awaitLog("x\n")
			var shape []string
			for line := range strings.Lines(readFile(c.logFile())) {
				fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
				shape = append(shape, fmt.Sprint(fields[2], len(fields[3])))
			}
			t.see("entries", shape)
			t.want("together", len(c.log()), 40001)
		}},
		{"log: read back by the kubelet", func(t *T) {
			c := t.runPod(hostNetwork).run(script("for i in 1 2 3 4 5; do echo line $i; done; echo oops >&2"))
			c.awaitExit()
			c.awaitLog("oops")
			stdout, stderr, err := c.readLogs(&logs.LogOptions{})
			t.ok(err, "ReadLogs")
			t.want("stdout", stdout, "line 1\nline 2\nline 3\nline 4\nline 5\n")
			t.want("stderr", stderr, "oops\n")
			var tail int64 = 3
			stdout, stderr, err = c.readLogs(&logs.LogOptions{TailLines: &tail})
			t.ok(err, "ReadLogs")
			t.want("last three", strings.Count(stdout+stderr, "\n"), 3)
			var limit int64 = 9
			// Which of the two streams is written down first is nobody's promise.
			stdout, stderr, err = c.readLogs(&logs.LogOptions{LimitBytes: &limit})
			t.ok(err, "ReadLogs")
			t.want("nine bytes", len(stdout+stderr), 9)
		}},
		{"log: followed to the end of the container", func(t *T) {
			c := t.runPod(hostNetwork).run(script("for i in 1 2 3; do echo $i; sleep 0.2; done"))
			stdout, _, err := c.readLogs(&logs.LogOptions{Follow: true})
			t.ok(err, "ReadLogs")
			t.want("all of it", stdout, "1\n2\n3\n")
		}},
		{"log: reopened after rotation", func(t *T) {
			c := t.runPod(hostNetwork).run(script("echo before; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo after; sleep 100"))
			c.awaitLog("before")
			rotated := c.logFile() + ".20260101"
			t.ok(os.Rename(c.logFile(), rotated), "rename")
			t.want("code", code(t.runtime.ReopenContainerLog(t, c.id)), "OK")
			c.shell("touch /tmp/go")
			c.awaitLog("after")
			t.want("new file", c.log(), "after\n")
			t.want("old file", strings.Count(readFile(rotated), "\n"), 1)
		}},
		{"log: reopened when it has exited", func(t *T) {
			c := t.runPod(hostNetwork).run(script("exit 0"))
			c.awaitExit()
			t.see("code", code(t.runtime.ReopenContainerLog(t, c.id)))
		}},
		{"log: of a terminal", func(t *T) {
			c := t.runPod(hostNetwork).run(script("echo out; echo err >&2; test -t 0 && echo terminal"), func(config *runtimeapi.ContainerConfig) {
				config.Tty, config.Stdin = true, true
			})
			c.awaitExit()
			c.awaitLog("terminal")
			t.see("text", c.log())
		}},
		{"log: none asked for", func(t *T) {
			c := t.runPod(hostNetwork).run(script("echo nowhere"), func(config *runtimeapi.ContainerConfig) { config.LogPath = "" })
			t.want("exit code", c.awaitExit().ExitCode, 0)
			t.see("log path", c.status().LogPath)
		}},
	}
}
