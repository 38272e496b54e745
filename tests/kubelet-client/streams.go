package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/streaming/pkg/httpstream"
)

// transport is the way in which a client asks for streams.
type transport string

const (
	overSPDY transport = "SPDY"
	// overWebSocket is what kubectl does: version 5 of the channel protocol, and SPDY where a server refuses it.
	overWebSocket transport = "WebSocket"
	// overOldWebSocket is version 4, which has no way to say that stdin is at its end.
	overOldWebSocket transport = "WebSocket v4"
)

var bothTransports = []transport{overSPDY, overWebSocket}

// streamOptions are the client's ends of the streams of an exec or attach.
type streamOptions struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	tty    bool
	sizes  remotecommand.TerminalSizeQueue
}

// A session says where a stream is to be had; the address is good for one use.
type session func(ctx context.Context) (string, error)

func (c *container) execSession(options streamOptions, words ...string) session {
	return func(ctx context.Context) (string, error) {
		response, err := c.t.runtime.Exec(ctx, &runtimeapi.ExecRequest{
			ContainerId: c.id, Cmd: words, Tty: options.tty,
			Stdin: options.stdin != nil, Stdout: options.stdout != nil, Stderr: options.stderr != nil,
		})
		return response.GetUrl(), err
	}
}

func (c *container) attachSession(options streamOptions) session {
	return func(ctx context.Context) (string, error) {
		response, err := c.t.runtime.Attach(ctx, &runtimeapi.AttachRequest{
			ContainerId: c.id, Tty: options.tty,
			Stdin: options.stdin != nil, Stdout: options.stdout != nil, Stderr: options.stderr != nil,
		})
		return response.GetUrl(), err
	}
}

func executor(via transport, address string) (remotecommand.Executor, error) {
	config := &restclient.Config{}
	switch via {
	case overWebSocket:
		return remotecommand.NewWebSocketExecutor(config, http.MethodGet, address)
	case overOldWebSocket:
		return remotecommand.NewWebSocketExecutorForProtocols(config, http.MethodGet, address, "v4.channel.k8s.io")
	default:
		parsed, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		return remotecommand.NewSPDYExecutor(config, http.MethodPost, parsed)
	}
}

// stream runs a session to its end. The reference may be too old for a transport; the engine under test may not.
func (t *T) stream(ctx context.Context, via transport, where session, options streamOptions) error {
	address, err := where(ctx)
	if err != nil {
		return err
	}
	chosen, err := executor(via, address)
	if err != nil {
		return err
	}
	err = bounded(ctx, func() error {
		return chosen.StreamWithContext(ctx, remotecommand.StreamOptions{
			Stdin: options.stdin, Stdout: options.stdout, Stderr: options.stderr, Tty: options.tty, TerminalSizeQueue: options.sizes,
		})
	})
	if t.isReference && via == overWebSocket && httpstream.IsUpgradeFailure(err) {
		return t.stream(ctx, overSPDY, where, options)
	}
	return err
}

var errHung = errors.New("the client does not come back after its context has ended")

// bounded does not wait for a client that waits for a peer: closing a connection nobody reads from can take for ever.
func bounded(ctx context.Context, work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(3 * time.Second):
		return errHung
	}
}

// ended is how a command run over streams ended.
type ended struct {
	stdout, stderr string
	err            error
}

// exec runs a command with what it needs and returns its output. Without a terminal it has a stderr of its own.
func (c *container) exec(via transport, stdin io.Reader, tty bool, words ...string) ended {
	var stdout, stderr output
	options := streamOptions{stdin: stdin, stdout: &stdout, tty: tty}
	if !tty {
		options.stderr = &stderr
	}
	err := c.t.stream(c.t, via, c.execSession(options, words...), options)
	return ended{stdout.String(), stderr.String(), err}
}

// output collects a stream and can be read while it grows.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(data)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) has(part string) bool {
	return strings.Contains(o.String(), part)
}

// background is a stream that goes on while the case does other things.
type background struct {
	stdin          *io.PipeWriter
	stdout, stderr *output
	cancel         context.CancelFunc
	done           chan error
}

// begin starts a session in the background, with a stdin that stays open until it is closed.
func (t *T) begin(via transport, tty, withStdin bool, sizes remotecommand.TerminalSizeQueue, where func(streamOptions) session) *background {
	ctx, cancel := context.WithCancel(t)
	b := &background{stdout: &output{}, stderr: &output{}, cancel: cancel, done: make(chan error, 1)}
	options := streamOptions{stdout: b.stdout, tty: tty, sizes: sizes}
	var reader *io.PipeReader
	if withStdin {
		reader, b.stdin = io.Pipe()
		options.stdin = reader
	}
	if !tty {
		options.stderr = b.stderr
	}
	go func() {
		b.done <- t.stream(ctx, via, where(options), options)
		if reader != nil {
			// Nobody reads any more, and nobody shall wait for that.
			reader.Close()
		}
	}()
	t.cleanup(func() {
		cancel()
		if b.stdin != nil {
			b.stdin.Close()
		}
	})
	return b
}

func (t *T) beginExec(c *container, via transport, tty bool, sizes remotecommand.TerminalSizeQueue, words ...string) *background {
	return t.begin(via, tty, true, sizes, func(options streamOptions) session { return c.execSession(options, words...) })
}

func (t *T) beginAttach(c *container, via transport, tty, withStdin bool) *background {
	return t.begin(via, tty, withStdin, nil, func(options streamOptions) session { return c.attachSession(options) })
}

// sizeQueue hands out terminal sizes as a client's window changes.
type sizeQueue chan remotecommand.TerminalSize

func (q sizeQueue) Next() *remotecommand.TerminalSize {
	size, more := <-q
	if !more {
		return nil
	}
	return &size
}

// raw opens an SPDY session without client-go's idea of what the streams mean.
func (t *T) raw(where session, protocols ...string) (httpstream.Connection, string, error) {
	address, err := where(t)
	if err != nil {
		return nil, "", err
	}
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, "", err
	}
	tripper, upgrader, err := spdy.RoundTripperFor(&restclient.Config{})
	if err != nil {
		return nil, "", err
	}
	conn, protocol, err := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: tripper}, http.MethodPost, parsed).Dial(protocols...)
	if err != nil {
		return nil, "", err
	}
	t.cleanup(func() { conn.Close() })
	return conn, protocol, nil
}

// plain asks for an address without offering to upgrade, as a stray client would.
func plain(address string) string {
	response, err := http.Get(address)
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	defer response.Body.Close()
	return fmt.Sprint(response.StatusCode)
}
