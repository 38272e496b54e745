package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	cri "k8s.io/cri-client/pkg"
)

const callTimeout = 30 * time.Second

// engineOptions say where an engine is and what of the host is its own.
type engineOptions struct {
	name         string
	endpoint     string
	directory    string
	cgroupParent string
	pid          int
}

func engineFlags(name string) *engineOptions {
	options := &engineOptions{name: name}
	flag.StringVar(&options.endpoint, name, "", "CRI `endpoint` of "+name+", unix:///…")
	flag.StringVar(&options.directory, name+"-dir", "", "`directory` for logs and volumes of "+name+"'s pods")
	flag.StringVar(&options.cgroupParent, name+"-cgroup", "", "parent `cgroup` of "+name+"'s pods")
	flag.IntVar(&options.pid, name+"-pid", 0, "process `id` of "+name)
	return options
}

// engine is a running CRI daemon behind the clients the kubelet uses.
type engine struct {
	engineOptions
	registry    string
	isReference bool

	runtime internalapi.RuntimeService
	images  internalapi.ImageManagerService
	// raw makes the calls whose answers the kubelet's client does not pass on whole.
	raw  runtimeapi.RuntimeServiceClient
	conn *grpc.ClientConn
}

// enginePair is the engine under test and the one it is held against; the latter may be missing.
type enginePair struct {
	subject   *engine
	reference *engine
}

func (options *engineOptions) connect(ctx context.Context, registry string) (*engine, error) {
	e := &engine{engineOptions: *options, registry: registry}
	var err error
	e.runtime, err = cri.NewRemoteRuntimeServiceBuilder().
		WithEndpoint(e.endpoint).WithConnectionTimeout(callTimeout).Build(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.name, err)
	}
	e.images, err = cri.NewRemoteImageServiceBuilder().
		WithEndpoint(e.endpoint).WithConnectionTimeout(callTimeout).Build(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.name, err)
	}
	e.conn, err = grpc.NewClient(e.endpoint, grpc.WithAuthority("localhost"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.name, err)
	}
	e.raw = runtimeapi.NewRuntimeServiceClient(e.conn)
	for _, name := range []string{"busybox"} {
		if _, err := e.images.PullImage(ctx, &runtimeapi.ImageSpec{Image: e.image(name)}, nil, nil); err != nil {
			return nil, fmt.Errorf("%s: pull %s: %w", e.name, name, err)
		}
	}
	return e, nil
}

func (e *engine) close() {
	ctx := context.Background()
	_ = e.runtime.Close(ctx)
	_ = e.images.Close(ctx)
	_ = e.conn.Close()
}

// image is the tag reference of a test image.
func (e *engine) image(name string) string {
	return fmt.Sprintf("%s/test/%s:1", e.registry, name)
}

// neutral replaces what is this engine's alone in a text, so that two engines' texts can be compared.
func (e *engine) neutral(text string) string {
	return strings.NewReplacer(e.directory, "DIR", e.registry, "REGISTRY").Replace(text)
}
