package main

import (
	"context"
	"fmt"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// watch collects the events of the kubelet's client until its context ends. The second channel has why it ended.
func (t *T) watch(ctx context.Context) (<-chan *runtimeapi.ContainerEventResponse, <-chan error) {
	events, ended := make(chan *runtimeapi.ContainerEventResponse, 1000), make(chan error, 1)
	connected := make(chan struct{})
	go func() {
		ended <- t.runtime.GetContainerEvents(ctx, events, func(runtimeapi.RuntimeService_GetContainerEventsClient) { close(connected) })
	}()
	select {
	case <-connected:
	case <-time.After(5 * time.Second):
		t.abandon("no event stream within 5 s")
	}
	return events, ended
}

// streams observes whether an event stream goes on: an engine without one ends it at once.
func (t *T) streams(ended <-chan error) bool {
	select {
	case err := <-ended:
		t.want("stream", code(err), "OK")
		return false
	case <-time.After(500 * time.Millisecond):
		t.want("stream", "OK", "OK")
		return true
	}
}

// next returns the types of the events of an object until the last wanted one, or what came in time.
func next(events <-chan *runtimeapi.ContainerEventResponse, id string, last runtimeapi.ContainerEventType) string {
	var types []string
	late := time.After(10 * time.Second)
	for {
		select {
		case event := <-events:
			if event.ContainerId != id {
				continue
			}
			types = append(types, event.ContainerEventType.String())
			if event.ContainerEventType == last {
				return fmt.Sprint(types)
			}
		case <-late:
			return fmt.Sprint(types)
		}
	}
}

func eventCases() []testCase {
	return []testCase{
		{"events: a container's life", func(t *T) {
			p := t.runPod(hostNetwork)
			ctx, cancel := context.WithCancel(t)
			defer cancel()
			events, ended := t.watch(ctx)
			if !t.streams(ended) {
				return
			}
			c := p.run(script("exit 3"))
			c.awaitExit()
			t.ok(t.runtime.RemoveContainer(t, c.id), "RemoveContainer")
			t.want("events", next(events, c.id, runtimeapi.ContainerEventType_CONTAINER_DELETED_EVENT),
				"[CONTAINER_CREATED_EVENT CONTAINER_STARTED_EVENT CONTAINER_STOPPED_EVENT CONTAINER_DELETED_EVENT]")
		}},
		{"events: what the kubelet reads in one", func(t *T) {
			p := t.runPod(hostNetwork)
			ctx, cancel := context.WithCancel(t)
			defer cancel()
			events, ended := t.watch(ctx)
			if !t.streams(ended) {
				return
			}
			c := p.run()
			select {
			case event := <-events:
				t.want("container", event.ContainerId == c.id, true)
				t.want("time", event.CreatedAt > 0, true)
				t.want("pod", event.PodSandboxStatus.GetId() == p.id, true)
				t.want("containers of the pod", len(event.ContainersStatuses), 1)
			case <-time.After(10 * time.Second):
				t.abandon("no event")
			}
		}},
		{"events: two clients, one of which leaves", func(t *T) {
			p := t.runPod(hostNetwork)
			stays, cancel := context.WithCancel(t)
			defer cancel()
			leaves, leave := context.WithCancel(t)
			events, ended := t.watch(stays)
			_, gone := t.watch(leaves)
			leave()
			select {
			case err := <-ended:
				t.want("stream", code(err), "OK")
				return
			case <-gone:
			}
			select {
			case err := <-ended:
				t.want("stream", code(err), "OK")
				return
			case <-time.After(300 * time.Millisecond):
				t.want("stream", "OK", "OK")
			}
			c := p.run()
			t.want("the other goes on", next(events, c.id, runtimeapi.ContainerEventType_CONTAINER_STARTED_EVENT),
				"[CONTAINER_CREATED_EVENT CONTAINER_STARTED_EVENT]")
		}},
	}
}
