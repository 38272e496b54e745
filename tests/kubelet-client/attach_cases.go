package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// stdin gives a container one; once closes it when the first client that has it goes.
func stdin(once bool) containerEdit {
	return func(config *runtimeapi.ContainerConfig) { config.Stdin, config.StdinOnce = true, once }
}

func terminal(config *runtimeapi.ContainerConfig) {
	config.Stdin, config.Tty = true, true
}

// ticking writes on both streams for as long as it runs.
var ticking = script("i=0; while :; do i=$((i+1)); echo out $i; echo err $i >&2; sleep 0.1; done")

func attachCases() []testCase {
	return slices.Concat(
		streamed("attach: output", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(ticking)
			b := t.beginAttach(c, via, false, false)
			t.await("stdout", 10*time.Second, func() bool { return b.stdout.has("out ") })
			t.await("stderr", 10*time.Second, func() bool { return b.stderr.has("err ") })
			t.want("apart", b.stdout.has("err") || b.stderr.has("out"), false)
			first := strings.SplitN(b.stdout.String(), "\n", 2)[0]
			c.awaitLog(first)
			b.cancel()
			<-b.done
			t.want("the container goes on", c.status().State, runtimeapi.ContainerState_CONTAINER_RUNNING)
		}),
		streamed("attach: stdin once", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(script("cat; echo end"), stdin(true))
			b := t.beginAttach(c, via, false, true)
			b.stdin.Write([]byte("hello\n"))
			t.await("it comes back", 10*time.Second, func() bool { return b.stdout.has("hello\n") })
			b.stdin.Close()
			t.want("exit code", c.awaitExit().ExitCode, 0)
			t.want("the client ends well", exit(<-b.done), "exit 0")
			t.want("output", b.stdout.String(), "hello\nend\n")
			c.awaitLog("end")
			t.want("log", c.log(), "hello\nend\n")
		}),
		streamed("attach: stdin once, and the client vanishes", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(script("cat; echo end"), stdin(true))
			b := t.beginAttach(c, via, false, true)
			b.stdin.Write([]byte("hello\n"))
			t.await("it comes back", 10*time.Second, func() bool { return b.stdout.has("hello\n") })
			b.cancel()
			<-b.done
			exited := t.holds(8*time.Second, func() bool { return c.status().State == runtimeapi.ContainerState_CONTAINER_EXITED })
			t.see("the container ends", exited)
		}),
		streamed("attach: stdin that outlives a client", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(script("while read a; do echo got $a; done; echo end"), stdin(false))
			first := t.beginAttach(c, via, false, true)
			first.stdin.Write([]byte("one\n"))
			t.await("first answer", 10*time.Second, func() bool { return first.stdout.has("got one\n") })
			first.cancel()
			<-first.done
			second := t.beginAttach(c, via, false, true)
			second.stdin.Write([]byte("two\n"))
			t.await("second answer", 10*time.Second, func() bool { return second.stdout.has("got two\n") })
			t.want("only what came after it", second.stdout.has("got one"), false)
			second.stdin.Close()
			time.Sleep(500 * time.Millisecond)
			t.want("still runs", c.status().State, runtimeapi.ContainerState_CONTAINER_RUNNING)
			c.awaitLog("got two")
			t.want("log", c.log(), "got one\ngot two\n")
		}),
		streamed("attach: two clients", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(ticking)
			first, second := t.beginAttach(c, via, false, false), t.beginAttach(c, via, false, false)
			both := func(text string) bool { return first.stdout.has(text) && second.stdout.has(text) }
			t.await("both see", 10*time.Second, func() bool { return first.stdout.has("out ") && second.stdout.has("out ") })
			first.cancel()
			<-first.done
			seen := strings.Count(second.stdout.String(), "\n")
			t.want("the other goes on", t.holds(5*time.Second, func() bool { return strings.Count(second.stdout.String(), "\n") > seen+3 }), true)
			t.want("they had the same", both(lastCommon(first.stdout.String())), true)
		}),
		streamed("attach: a terminal", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(command("sh"), terminal)
			b := t.beginAttach(c, via, true, true)
			b.stdin.Write([]byte("echo $((40+2)); tty\n"))
			t.await("the answer", 10*time.Second, func() bool { return b.stdout.has("42\r\n") && b.stdout.has("/dev/pts/0") })
			b.cancel()
			<-b.done
			again := t.beginAttach(c, via, true, true)
			again.stdin.Write([]byte("echo $((50+5)); exit 3\n"))
			t.await("the second answer", 10*time.Second, func() bool { return again.stdout.has("55\r\n") })
			t.want("exit code", c.awaitExit().ExitCode, 3)
			t.want("the client ends well", exit(<-again.done), "exit 0")
		}),
		streamed("attach: until the container ends", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(script("while [ ! -e /tmp/go ]; do sleep 0.05; done; echo last; exit 9"))
			b := t.beginAttach(c, via, false, false)
			time.Sleep(500 * time.Millisecond)
			c.shell("touch /tmp/go")
			t.see("the client ends", exit(<-b.done))
			t.want("output", b.stdout.String(), "last\n")
		}),
		streamed("attach: much output to a reader that is slow", func(t *T, via transport) {
			c := t.runPod(hostNetwork).run(script("read a; /peer peer source 3000000 | tr -d '\\n'; echo; echo done >&2; read b"), stdin(false), withPeer)
			b := t.beginAttach(c, via, false, true)
			b.stdin.Write([]byte("go\n"))
			t.await("the end", 30*time.Second, func() bool { return b.stderr.has("done") })
			whole := t.holds(5*time.Second, func() bool { return len(b.stdout.String()) > 2_900_000 })
			t.want("all of it", whole, true)
		}),
		[]testCase{
			{"attach: to one that does not run", func(t *T) {
				p := t.runPod(hostNetwork)
				created, exited := p.create(), p.run(script("exit 0"))
				exited.awaitExit()
				for key, c := range map[string]*container{"created": created, "exited": exited} {
					options := streamOptions{stdout: &output{}, stderr: &output{}}
					_, err := c.attachSession(options)(t)
					t.see(key, code(err))
					if err == nil {
						t.see(key+", the stream", exit(t.stream(t, overSPDY, c.attachSession(options), options)))
					}
				}
			}},
			{"attach: requests that make no sense", func(t *T) {
				c := t.runPod(hostNetwork).run()
				ask := func(key string, request *runtimeapi.AttachRequest) {
					request.ContainerId = c.id
					_, err := t.runtime.Attach(t, request)
					t.see(key, code(err))
				}
				ask("no stream", &runtimeapi.AttachRequest{})
				ask("terminal and stderr", &runtimeapi.AttachRequest{Tty: true, Stdout: true, Stderr: true})
			}},
			{"attach: thirty clients that vanish", func(t *T) {
				c := t.runPod(hostNetwork).run(ticking)
				for range 30 {
					b := t.beginAttach(c, overSPDY, false, false)
					t.await("output", 10*time.Second, func() bool { return b.stdout.has("out ") })
					b.cancel()
					<-b.done
				}
				b := t.beginAttach(c, overSPDY, false, false)
				t.want("one more sees it", t.holds(10*time.Second, func() bool { return b.stdout.has("out ") }), true)
				t.want("the container goes on", fmt.Sprint(c.status().State), "CONTAINER_RUNNING")
			}},
		},
	)
}

// lastCommon is the last whole line.
func lastCommon(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) < 2 {
		return text
	}
	return lines[len(lines)-2]
}
