// Command kubelet-client drives a container engine with the kubelet's own client code and holds what it sees against what the
// same calls do to containerd: one line a case, and a line that counts them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

func main() {
	// In a container this same program is the other end of a connection.
	if len(os.Args) > 2 && os.Args[1] == "peer" {
		os.Exit(runPeer(os.Args[2], os.Args[3:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "lifecycles" {
		klog.SetLogger(logr.Discard())
		if err := runLifecycles(os.Args[2:], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "kubelet-client:", err)
			os.Exit(1)
		}
		return
	}
	failed, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubelet-client:", err)
		failed = 1
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// run returns the number of failed cases.
func run() (int, error) {
	subject := engineFlags("crib")
	reference := engineFlags("containerd")
	registry := flag.String("registry", "", "`HOST:PORT` of the registry that has the test images")
	pattern := flag.String("run", "", "only cases whose name matches this `regexp`")
	flag.Parse()
	selected, err := regexp.Compile(*pattern)
	if err != nil {
		return 0, fmt.Errorf("--run: %w", err)
	}
	if *registry == "" || subject.endpoint == "" {
		return 0, fmt.Errorf("needs --registry and --crib; --containerd for the comparison")
	}
	// The client logs every refused call, and refusals are half of what is asked here.
	klog.SetLogger(logr.Discard())
	recordHandledErrors()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var pair enginePair
	if pair.subject, err = subject.connect(ctx, *registry); err != nil {
		return 0, err
	}
	defer pair.subject.close()
	if reference.endpoint != "" {
		if pair.reference, err = reference.connect(ctx, *registry); err != nil {
			return 0, err
		}
		pair.reference.isReference = true
		defer pair.reference.close()
	}
	cases := append(callCases(), streamCases()...)
	return runAll(ctx, pair, cases, selected), nil
}
