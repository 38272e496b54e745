package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/streaming/pkg/httpstream"
)

// handled are the errors client-go's port forwarder only logs.
var handled struct {
	sync.Mutex
	texts []string
}

func recordHandledErrors() {
	utilruntime.ErrorHandlers = append(utilruntime.ErrorHandlers, func(_ context.Context, err error, message string, _ ...any) {
		handled.Lock()
		defer handled.Unlock()
		handled.texts = append(handled.texts, fmt.Sprintf("%s: %v", message, err))
	})
}

func handledHas(part string) bool {
	handled.Lock()
	defer handled.Unlock()
	for _, text := range handled.texts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

func (p *pod) portForwardSession(ports ...int32) session {
	return func(ctx context.Context) (string, error) {
		response, err := p.t.runtime.PortForward(ctx, &runtimeapi.PortForwardRequest{PodSandboxId: p.id, Port: ports})
		return response.GetUrl(), err
	}
}

// dialer reaches a pod's port-forward session: by SPDY, or by SPDY inside a WebSocket as kubectl does first.
func dialer(via transport, address string) (httpstream.Dialer, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	config := &restclient.Config{}
	if via == overWebSocket {
		return portforward.NewSPDYOverWebsocketDialerForStreaming(parsed, config)
	}
	tripper, upgrader, err := spdy.RoundTripperFor(config)
	if err != nil {
		return nil, err
	}
	return spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: tripper}, http.MethodPost, parsed), nil
}

// dial opens a port-forward connection. The reference may be too old for tunnels; the engine under test may not.
func (p *pod) dial(via transport) (httpstream.Connection, error) {
	address, err := p.portForwardSession()(p.t)
	if err != nil {
		return nil, err
	}
	d, err := dialer(via, address)
	if err != nil {
		return nil, err
	}
	conn, _, err := d.Dial(portforward.PortForwardProtocolV1Name)
	if p.t.isReference && via == overWebSocket && httpstream.IsUpgradeFailure(err) {
		return p.dial(overSPDY)
	}
	return conn, err
}

// dialed hands a connection that is already there to the port forwarder.
type dialed struct{ conn httpstream.Connection }

func (d dialed) Dial(...string) (httpstream.Connection, string, error) {
	return d.conn, portforward.PortForwardProtocolV1Name, nil
}

// forwarding is client-go's port forwarder at work.
type forwarding struct {
	*portforward.PortForwarder
	local map[int]string
	stop  chan struct{}
	done  chan error
}

// forward starts forwarding ports of a pod to ports of the host.
func (p *pod) forward(via transport, ports ...int) *forwarding {
	conn, err := p.dial(via)
	p.t.ok(err, "port-forward over "+string(via))
	var wanted []string
	for _, port := range ports {
		wanted = append(wanted, fmt.Sprintf(":%d", port))
	}
	f := &forwarding{local: map[int]string{}, stop: make(chan struct{}), done: make(chan error, 1)}
	ready := make(chan struct{})
	f.PortForwarder, err = portforward.NewOnAddressesForStreaming(dialed{conn}, []string{"127.0.0.1"}, wanted, f.stop, ready, io.Discard, io.Discard)
	p.t.ok(err, "port forwarder")
	go func() { f.done <- f.ForwardPorts() }()
	p.t.cleanup(sync.OnceFunc(func() { close(f.stop) }))
	select {
	case <-ready:
	case err := <-f.done:
		p.t.abandon("port forwarder: %v", err)
	}
	forwarded, err := f.GetPorts()
	p.t.ok(err, "ports")
	for _, port := range forwarded {
		f.local[int(port.Remote)] = fmt.Sprintf("127.0.0.1:%d", port.Local)
	}
	return f
}

// connect opens one connection through the forwarding, with a bound on everything done with it.
func (t *T) connect(f *forwarding, port int) *net.TCPConn {
	conn, err := net.Dial("tcp", f.local[port])
	t.ok(err, "connect")
	t.cleanup(func() { conn.Close() })
	t.ok(conn.SetDeadline(time.Now().Add(60*time.Second)), "deadline")
	return conn.(*net.TCPConn)
}

// refusal opens a port's streams by hand and returns what the engine says on the error stream.
func (p *pod) refusal(via transport, port int) string {
	conn, err := p.dial(via)
	p.t.ok(err, "port-forward over "+string(via))
	defer conn.Close()
	headers := http.Header{}
	headers.Set(v1.StreamType, v1.StreamTypeError)
	headers.Set(v1.PortHeader, fmt.Sprint(port))
	headers.Set(v1.PortForwardRequestIDHeader, "0")
	errorStream, err := conn.CreateStream(headers)
	p.t.ok(err, "error stream")
	headers.Set(v1.StreamType, v1.StreamTypeData)
	data, err := conn.CreateStream(headers)
	p.t.ok(err, "data stream")
	defer data.Reset()
	text := make(chan string, 1)
	go func() {
		all, err := io.ReadAll(errorStream)
		text <- string(all)
		_ = err
	}()
	select {
	case said := <-text:
		return said
	case <-time.After(15 * time.Second):
		return "(nothing)"
	}
}
