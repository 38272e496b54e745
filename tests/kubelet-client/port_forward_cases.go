package main

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// listening runs a server of peer.go in a pod of its own and waits until it listens.
func (t *T) listening(words ...string) *pod {
	p := t.runPod()
	p.run(peer(words...)).awaitLog("listening")
	return p
}

func portForwardCases() []testCase {
	return slices.Concat(
		streamed("port-forward: there and back", func(t *T, via transport) {
			f := t.listening("echo", "127.0.0.1:8080").forward(via, 8080)
			conn := t.connect(f, 8080)
			fmt.Fprint(conn, "hello")
			t.ok(conn.CloseWrite(), "half-close")
			text, err := io.ReadAll(conn)
			t.ok(err, "read")
			t.want("answer", string(text), "hello")
		}),
		streamed("port-forward: an answer after the half-close", func(t *T, via transport) {
			f := t.listening("count", "127.0.0.1:8080").forward(via, 8080)
			conn := t.connect(f, 8080)
			_, err := io.Copy(conn, newPattern(16*megabyte+1))
			t.ok(err, "write")
			t.ok(conn.CloseWrite(), "half-close")
			text, err := io.ReadAll(conn)
			t.ok(err, "read")
			t.want("arrived", string(text), patternDigest(16*megabyte+1))
		}),
		streamed("port-forward: much out", func(t *T, via transport) {
			f := t.listening("serve-pattern", fmt.Sprint(16*megabyte+1), "127.0.0.1:8080").forward(via, 8080)
			arrived := newDigest()
			_, err := io.Copy(arrived, t.connect(f, 8080))
			t.ok(err, "read")
			t.want("arrived", arrived, patternDigest(16*megabyte+1))
		}),
		streamed("port-forward: the server hangs up first", func(t *T, via transport) {
			f := t.listening("greet", "127.0.0.1:8080").forward(via, 8080)
			for i := range 3 {
				text, err := io.ReadAll(t.connect(f, 8080))
				t.ok(err, "read")
				t.want(fmt.Sprint("greeting ", i), string(text), "hello from 127.0.0.1")
			}
		}),
		streamed("port-forward: ports and connections at once", func(t *T, via transport) {
			ports := []int{8081, 8082, 8083}
			f := t.listening("echo", "127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083").forward(via, ports...)
			var all sync.WaitGroup
			right := make(chan struct{}, 60)
			for i := range 30 {
				conn := t.connect(f, ports[i%len(ports)])
				size := int64(50_000 + i)
				all.Go(func() {
					go func() {
						_, _ = io.Copy(conn, newPattern(size))
						_ = conn.CloseWrite()
					}()
					arrived := newDigest()
					if _, err := io.Copy(arrived, conn); err == nil && arrived.String() == patternDigest(size) {
						right <- struct{}{}
					}
				})
			}
			all.Wait()
			t.want("right", len(right), 30)
		}),
		streamed("port-forward: nobody listens", func(t *T, via transport) {
			p := t.listening("echo", "127.0.0.1:8080")
			said := p.refusal(via, 8099)
			t.want("says refused", strings.Contains(strings.ToLower(said), "refused"), true)
			t.want("names the port", strings.Contains(said, "8099"), true)
			f := p.forward(via, 8098)
			_, err := io.ReadAll(t.connect(f, 8098))
			t.see("the local connection", err)
			t.want("client-go tells", t.holds(5*time.Second, func() bool { return handledHas("8098") || handledHas("refused") }), true)
		}),
		streamed("port-forward: only IPv6", func(t *T, via transport) {
			f := t.listening("greet", "[::1]:8080").forward(via, 8080)
			text, err := io.ReadAll(t.connect(f, 8080))
			t.ok(err, "read")
			t.want("greeting", string(text), "hello from ::1")
		}),
		streamed("port-forward: a pod in the host's network", func(t *T, via transport) {
			port := freePort(t)
			p := t.runPod(hostNetwork)
			p.run(peer("greet", fmt.Sprintf("127.0.0.1:%d", port))).awaitLog("listening")
			text, err := io.ReadAll(t.connect(p.forward(via, port), port))
			t.ok(err, "read")
			t.want("greeting", string(text), "hello from 127.0.0.1")
		}),
		streamed("port-forward: the pod stops", func(t *T, via transport) {
			p := t.listening("echo", "127.0.0.1:8080")
			conn := t.connect(p.forward(via, 8080), 8080)
			fmt.Fprint(conn, "x")
			var one [1]byte
			_, err := io.ReadFull(conn, one[:])
			t.ok(err, "echo")
			t.ok(t.runtime.StopPodSandbox(t, p.id), "StopPodSandbox")
			t.ok(conn.SetDeadline(time.Now().Add(10*time.Second)), "deadline")
			_, err = conn.Read(one[:])
			t.want("the connection ends", err != nil && !isTimeout(err), true)
		}),
		[]testCase{
			{"port-forward: nobody's pod, and one that stopped", func(t *T) {
				_, err := t.runtime.PortForward(t, &runtimeapi.PortForwardRequest{PodSandboxId: unknownID, Port: []int32{80}})
				t.see("nobody's", code(err))
				p := t.runPod()
				t.ok(t.runtime.StopPodSandbox(t, p.id), "StopPodSandbox")
				_, err = t.runtime.PortForward(t, &runtimeapi.PortForwardRequest{PodSandboxId: p.id, Port: []int32{80}})
				t.see("stopped", code(err))
			}},
			{"port-forward: a tunnel through a WebSocket", func(t *T) {
				p := t.listening("greet", "127.0.0.1:8080")
				address, err := p.portForwardSession()(t)
				t.ok(err, "PortForward")
				d, err := dialer(overWebSocket, address)
				t.ok(err, "dialer")
				conn, protocol, err := d.Dial("portforward.k8s.io")
				t.want("taken", err == nil, true)
				t.want("protocol", protocol, "portforward.k8s.io")
				if err == nil {
					conn.Close()
				}
			}},
			{"port-forward: a server on another address than localhost", func(t *T) {
				p := t.runPod()
				address := p.status().Network.GetIp()
				p.run(peer("echo", address+":8080")).awaitLog("listening")
				t.want("is refused", strings.Contains(strings.ToLower(p.refusal(overSPDY, 8080)), "refused"), true)
			}},
		},
	)
}

func freePort(t *T) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	t.ok(err, "listen")
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}
