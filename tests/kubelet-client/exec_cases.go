package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const megabyte = 1 << 20

// streamed makes one case for each transport of what is done over it.
func streamed(name string, body func(t *T, via transport)) []testCase {
	var cases []testCase
	for _, via := range bothTransports {
		cases = append(cases, testCase{fmt.Sprintf("%s over %s", name, via), func(t *T) { body(t, via) }})
	}
	return cases
}

func execCases() []testCase {
	return slices.Concat(
		streamed("exec: output and exit codes", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			well := c.exec(via, nil, false, "sh", "-c", "echo out; echo err >&2")
			t.want("well", exit(well.err), "exit 0")
			t.want("stdout", well.stdout, "out\n")
			t.want("stderr", well.stderr, "err\n")
			for _, end := range []struct{ text, want string }{
				{"exit 3", "exit 3"}, {"exit 255", "exit 255"}, {"kill -9 $$", "exit 137"}, {"kill -15 $$", "exit 143"},
			} {
				t.want(end.text, exit(c.exec(via, nil, false, "sh", "-c", end.text).err), end.want)
			}
			badly := c.exec(via, nil, false, "sh", "-c", "echo out; exit 3")
			t.want("output of one that fails", badly.stdout, "out\n")
			t.see("message of one that fails", badly.err)
		}),
		streamed("exec: a command that is not there", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			end := c.exec(via, nil, false, "/no/such/command")
			t.see("end", exit(end.err))
			t.want("names it", end.err != nil && strings.Contains(end.err.Error(), "/no/such/command"), true)
		}),
		streamed("exec: stdin to its end", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			end := c.exec(via, strings.NewReader("one\ntwo\n"), false, "cat")
			t.want("end", exit(end.err), "exit 0")
			t.want("stdout", end.stdout, "one\ntwo\n")
			empty := c.exec(via, strings.NewReader(""), false, "wc", "-c")
			t.want("empty stdin", strings.TrimSpace(empty.stdout), "0")
		}),
		streamed("exec: output after stdin has ended", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			end := c.exec(via, strings.NewReader("abc"), false, "sh", "-c", "wc -c; sleep 1; echo later; echo err >&2; exit 4")
			t.want("end", exit(end.err), "exit 4")
			t.want("stdout", strings.TrimSpace(end.stdout), "3\nlater")
			t.want("stderr", end.stderr, "err\n")
		}),
		streamed("exec: a command that does not read its stdin", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			ctx, cancel := context.WithTimeout(t, 6*time.Second)
			defer cancel()
			var stdout output
			options := streamOptions{stdin: newPattern(8 * megabyte), stdout: &stdout, stderr: io.Discard}
			err := t.stream(ctx, via, c.execSession(options, "sh", "-c", "head -c 1 | wc -c; exit 6"), options)
			t.want("end", exit(err), "exit 6")
			t.want("stdout", strings.TrimSpace(stdout.String()), "1")
		}),
		streamed("exec: much in", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(withPeer)
			end := c.exec(via, newPattern(24*megabyte+1), false, "/peer", "peer", "sink")
			t.want("end", exit(end.err), "exit 0")
			t.want("arrived", strings.TrimSpace(end.stdout), patternDigest(24*megabyte+1))
		}),
		streamed("exec: much out", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(withPeer)
			arrived := newDigest()
			options := streamOptions{stdout: arrived, stderr: io.Discard}
			err := t.stream(t, via, c.execSession(options, "/peer", "peer", "source", fmt.Sprint(24*megabyte+1)), options)
			t.want("end", exit(err), "exit 0")
			t.want("arrived", arrived, patternDigest(24*megabyte+1))
		}),
		streamed("exec: there and back", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			arrived := newDigest()
			options := streamOptions{stdin: newPattern(12 * megabyte), stdout: arrived, stderr: io.Discard}
			err := t.stream(t, via, c.execSession(options, "cat"), options)
			t.want("end", exit(err), "exit 0")
			t.want("arrived", arrived, patternDigest(12*megabyte))
		}),
		streamed("exec: a reader that is slow", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(withPeer)
			arrived := &slowly{digest: newDigest()}
			options := streamOptions{stdout: arrived}
			err := t.stream(t, via, c.execSession(options, "/peer", "peer", "source", fmt.Sprint(2*megabyte)), options)
			t.want("end", exit(err), "exit 0")
			t.want("arrived", arrived.digest, patternDigest(2*megabyte))
		}),
		streamed("exec: a terminal", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			end := c.exec(via, nil, true, "sh", "-c", "echo out; echo err >&2; test -t 1 && echo terminal; tty; exit 5")
			t.want("end", exit(end.err), "exit 5")
			t.see("output", end.stdout)
		}),
		streamed("exec: a shell in a terminal", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			b := t.beginExec(c, via, true, nil, "sh")
			b.stdin.Write([]byte("echo $((40+2))\n"))
			t.await("the answer", 10*time.Second, func() bool { return b.stdout.has("42\r\n") })
			b.stdin.Write([]byte("exit 8\n"))
			t.want("end", exit(<-b.done), "exit 8")
		}),
		streamed("exec: interrupted from the terminal", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			mark := uniqueMark()
			b := t.beginExec(c, via, true, nil, "sleep", mark)
			t.await("it runs", 10*time.Second, func() bool { return len(hostProcesses(mark)) == 1 })
			b.stdin.Write([]byte{3})
			t.want("end", exit(<-b.done), "exit 130")
		}),
		streamed("exec: the window's size", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(withPeer)
			sizes := make(sizeQueue, 8)
			sizes <- remotecommand.TerminalSize{Width: 101, Height: 41}
			b := t.beginExec(c, via, true, sizes, "/peer", "peer", "sizes")
			t.await("first size", 10*time.Second, func() bool { return b.stdout.has("101x41\r\n") })
			sizes <- remotecommand.TerminalSize{Width: 202, Height: 42}
			t.await("second size", 10*time.Second, func() bool { return b.stdout.has("202x42\r\n") })
			close(sizes)
			b.stdin.Write([]byte("\n"))
			t.want("end", exit(<-b.done), "exit 0")
		}),
		streamed("exec: a client that vanishes", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			mark := uniqueMark()
			b := t.beginExec(c, via, false, nil, "sleep", mark)
			t.await("it runs", 10*time.Second, func() bool { return len(hostProcesses(mark)) == 1 })
			b.cancel()
			t.want("client ends", errors.Is(<-b.done, context.Canceled), true)
			t.want("the process is gone", t.holds(8*time.Second, func() bool { return len(hostProcesses(mark)) == 0 }), true)
			t.want("the container goes on", c.shell("echo well"), "well")
		}),
		streamed("exec: a client that vanishes from a terminal", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			mark := uniqueMark()
			b := t.beginExec(c, via, true, nil, "sleep", mark)
			t.await("it runs", 10*time.Second, func() bool { return len(hostProcesses(mark)) == 1 })
			b.cancel()
			<-b.done
			t.want("the process is gone", t.holds(8*time.Second, func() bool { return len(hostProcesses(mark)) == 0 }), true)
		}),
		streamed("exec: the container ends meanwhile", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			mark := uniqueMark()
			b := t.beginExec(c, via, false, nil, "sleep", mark)
			t.await("it runs", 10*time.Second, func() bool { return len(hostProcesses(mark)) == 1 })
			t.ok(t.runtime.StopContainer(t, c.id, 1), "StopContainer")
			t.want("end", exit(<-b.done), "exit 137")
		}),
		streamed("exec: twenty at once", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run()
			t.want("right", t.manyExecs(c, via, 20), 20)
		}),
		[]testCase{
			{"exec: stdin and output over WebSocket v4", func(t *T) {
				c := t.runPod(hostNetwork).run()
				end := c.exec(overOldWebSocket, strings.NewReader("one line\n"), false, "sh", "-c", "read a; echo got $a; echo err >&2; exit 3")
				t.want("end", exit(end.err), "exit 3")
				t.want("stdout", end.stdout, "got one line\n")
				t.want("stderr", end.stderr, "err\n")
			}},
			{"exec: which protocols are spoken", func(t *T) {
				c := t.runPod(hostNetwork).run()
				options := streamOptions{stdout: io.Discard}
				for _, protocol := range []string{"v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"} {
					address, err := c.execSession(options, "true")(t)
					t.ok(err, "Exec")
					chosen, err := remotecommand.NewWebSocketExecutorForProtocols(&restclient.Config{}, http.MethodGet, address, protocol)
					t.ok(err, "executor")
					t.see("WebSocket "+protocol, exit(chosen.StreamWithContext(t, remotecommand.StreamOptions{Stdout: io.Discard})))
					_, spoken, err := t.raw(c.execSession(options, "true"), protocol)
					t.see("SPDY "+protocol, fmt.Sprint(spoken, " ", err == nil))
				}
			}},
			{"exec: the status behind an exit code", func(t *T) {
				c := t.runPod(hostNetwork).run()
				for _, text := range []string{"exit 0", "exit 3", "kill -9 $$"} {
					t.scope = text + ": "
					status := t.execStatus(c, "sh", "-c", text)
					t.see("status", status.Status)
					t.see("reason", status.Reason)
					t.see("message", status.Message)
					if status.Details != nil {
						t.see("causes", fmt.Sprint(status.Details.Causes))
					}
				}
			}},
			{"exec: the status of a command that is not there", func(t *T) {
				c := t.runPod(hostNetwork).run()
				status := t.execStatus(c, "/no/such/command")
				t.see("status", status.Status)
				t.see("reason", status.Reason)
				t.see("code", status.Code)
			}},
			{"exec: an address is good once", func(t *T) {
				c := t.runPod(hostNetwork).run()
				options := streamOptions{stdout: io.Discard}
				address, err := c.execSession(options, "true")(t)
				t.ok(err, "Exec")
				once := func(context.Context) (string, error) { return address, nil }
				t.want("first", exit(t.stream(t, overSPDY, once, options)), "exit 0")
				t.want("second", exit(t.stream(t, overSPDY, once, options)), "error")
				t.see("without an upgrade", plain(address))
				at := strings.LastIndex(address, "/")
				another := func(context.Context) (string, error) { return address[:at+1] + "abcdefgh", nil }
				t.want("another", exit(t.stream(t, overSPDY, another, options)), "error")
				t.see("the root", plain(address[:strings.Index(address, "/exec")]+"/"))
			}},
			{"exec: an address without an upgrade", func(t *T) {
				c := t.runPod(hostNetwork).run()
				address, err := c.execSession(streamOptions{stdout: io.Discard}, "true")(t)
				t.ok(err, "Exec")
				t.want("is on loopback", strings.HasPrefix(address, "http://127.0.0.1:"), true)
				t.see("answer", plain(address))
			}},
			{"exec: requests that make no sense", func(t *T) {
				c := t.runPod(hostNetwork).run()
				ask := func(key string, request *runtimeapi.ExecRequest) {
					request.ContainerId = c.id
					_, err := t.runtime.Exec(t, request)
					t.see(key, code(err))
				}
				ask("no stream", &runtimeapi.ExecRequest{Cmd: []string{"true"}})
				ask("terminal and stderr", &runtimeapi.ExecRequest{Cmd: []string{"true"}, Tty: true, Stdout: true, Stderr: true})
				ask("no command", &runtimeapi.ExecRequest{Stdout: true})
			}},
			{"exec: nobody's container", func(t *T) {
				_, err := t.runtime.Exec(t, &runtimeapi.ExecRequest{ContainerId: unknownID, Cmd: []string{"true"}, Stdout: true})
				t.want("exec", code(err), "NotFound")
				_, err = t.runtime.Attach(t, &runtimeapi.AttachRequest{ContainerId: unknownID, Stdout: true})
				t.want("attach", code(err), "NotFound")
			}},
			{"exec: in one that does not run", func(t *T) {
				p := t.runPod(hostNetwork)
				created, exited := p.create(), p.run(script("exit 0"))
				exited.awaitExit()
				for key, c := range map[string]*container{"created": created, "exited": exited} {
					_, err := t.runtime.Exec(t, &runtimeapi.ExecRequest{ContainerId: c.id, Cmd: []string{"true"}, Stdout: true})
					t.see(key, code(err))
				}
			}},
			{"exec: by a user, with surroundings", func(t *T) {
				c := t.runPod(hostNetwork).run(func(config *runtimeapi.ContainerConfig) {
					config.WorkingDir = "/tmp"
					config.Envs = []*runtimeapi.KeyValue{{Key: "A", Value: []byte("from the container")}}
				}, security(func(s *runtimeapi.LinuxContainerSecurityContext) { s.RunAsUser = &runtimeapi.Int64Value{Value: 1000} }))
				end := c.exec(overSPDY, nil, true, "sh", "-c", "pwd; echo $A; echo $TERM; id -u; grep ^Cap /proc/self/status")
				t.see("sees", end.stdout)
			}},
			{"exec: a daemon left behind with the output", func(t *T) {
				c := t.runPod(hostNetwork).run()
				mark := uniqueMark()
				started := time.Now()
				ctx, cancel := context.WithTimeout(t, 6*time.Second)
				defer cancel()
				var stdout output
				options := streamOptions{stdout: &stdout, stderr: io.Discard}
				err := t.stream(ctx, overSPDY, c.execSession(options, "sh", "-c", "sleep "+mark+" & echo hi"), options)
				t.see("end", exit(err))
				t.want("stdout", stdout.String(), "hi\n")
				t.see("at once", time.Since(started) < 5*time.Second)
			}},
		},
	)
}

// slowly takes its time over every piece, so that somebody has to wait.
type slowly struct{ digest *digest }

func (s *slowly) Write(data []byte) (int, error) {
	time.Sleep(time.Duration(len(data)) * time.Second / (2 * megabyte))
	return s.digest.Write(data)
}

// manyExecs runs commands at once and returns how many came back with their own output and code.
func (t *T) manyExecs(c *container, via transport, count int) int {
	var all sync.WaitGroup
	right := make(chan struct{}, count)
	for i := range count {
		all.Go(func() {
			end := c.exec(via, strings.NewReader(fmt.Sprintln(i)), false, "sh", "-c", fmt.Sprintf("read a; echo $a; exit %d", i%200))
			if end.stdout == fmt.Sprintln(i) && exit(end.err) == fmt.Sprintf("exit %d", i%200) {
				right <- struct{}{}
			}
		})
	}
	all.Wait()
	return len(right)
}

// execStatus runs a command and returns what the engine writes on the error stream.
func (t *T) execStatus(c *container, words ...string) metav1.Status {
	conn, _, err := t.raw(c.execSession(streamOptions{stdout: io.Discard}, words...), "v4.channel.k8s.io")
	t.ok(err, "dial")
	headers := http.Header{}
	headers.Set(v1.StreamType, v1.StreamTypeError)
	errorStream, err := conn.CreateStream(headers)
	t.ok(err, "error stream")
	headers.Set(v1.StreamType, v1.StreamTypeStdout)
	stdout, err := conn.CreateStream(headers)
	t.ok(err, "stdout")
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	text, err := io.ReadAll(errorStream)
	t.ok(err, "read the error stream")
	var status metav1.Status
	t.ok(json.Unmarshal(text, &status), "status "+string(text))
	return status
}
