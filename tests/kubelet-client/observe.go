package main

import (
	"context"
	"fmt"
	"time"
)

const (
	caseLimit = 45 * time.Second
	// grace is what a case has beyond its limit to come to an end and clean up.
	grace = 20 * time.Second
)

// A testCase is one thing the kubelet does. Its body notes what a client can see; the notes of two engines are compared.
type testCase struct {
	name string
	body func(t *T)
}

// A note is one visible fact about how a case went.
type note struct {
	key   string
	value string
}

// T is one case on one engine.
type T struct {
	context.Context
	*engine
	notes    []note
	wrong    []string
	cleanups []func()
	// scope precedes the keys of notes, in a case that does the same thing several ways.
	scope string
}

type abandoned struct{ reason string }

// outcome is how a case went on one engine.
type outcome struct {
	notes []note
	// wrong are the notes that are not as the case demands of the engine under test.
	wrong []string
	took  time.Duration
}

// abandonedKey is the note of a case that could not go on; what it would have seen after that is unknown.
const abandonedKey = "abandoned"

// see notes a fact to be compared.
func (t *T) see(key string, value any) {
	t.notes = append(t.notes, note{t.scope + key, t.neutral(fmt.Sprint(value))})
}

// want notes a fact to be compared, of which the right value is known.
func (t *T) want(key string, got, want any) {
	t.see(key, got)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.wrong = append(t.wrong, fmt.Sprintf("%s%s: %v, wanted %v", t.scope, key, got, want))
	}
}

// ok abandons the case unless a step without which it makes no sense went well.
func (t *T) ok(err error, what string) {
	if err != nil {
		t.abandon("%s: %v", what, err)
	}
}

func (t *T) abandon(format string, args ...any) {
	panic(abandoned{fmt.Sprintf(format, args...)})
}

func (t *T) cleanup(undo func()) {
	t.cleanups = append(t.cleanups, undo)
}

// await polls until condition holds. The case is abandoned when it does not within the bound.
func (t *T) await(what string, bound time.Duration, condition func() bool) {
	if !t.holds(bound, condition) {
		t.abandon("not within %v: %s", bound, what)
	}
}

// holds polls until condition holds, and says whether it did within the bound.
func (t *T) holds(bound time.Duration, condition func() bool) bool {
	deadline := time.Now().Add(bound)
	for !condition() {
		if time.Now().After(deadline) || t.Err() != nil {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return true
}

// observe runs a case to its end, whatever happens in it, and cleans up behind it.
func observe(parent context.Context, e *engine, c testCase, limit time.Duration) outcome {
	ctx, cancel := context.WithTimeout(parent, limit)
	defer cancel()
	t := &T{Context: ctx, engine: e}
	started := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer t.unwind()
		c.body(t)
	}()
	select {
	case <-done:
	case <-time.After(limit + grace):
		// The goroutine still writes to t; a fresh outcome is safe to read.
		reason := fmt.Sprintf("still busy %v after its time was up", grace)
		return outcome{[]note{{abandonedKey, reason}}, []string{reason}, time.Since(started)}
	}
	return outcome{t.notes, t.wrong, time.Since(started)}
}

func (t *T) unwind() {
	if p := recover(); p != nil {
		reason, isAbandoned := p.(abandoned)
		if !isAbandoned {
			reason = abandoned{fmt.Sprintf("panic: %v", p)}
		}
		t.scope = ""
		t.see(abandonedKey, reason.reason)
		t.wrong = append(t.wrong, reason.reason)
	}
	for i := len(t.cleanups) - 1; i >= 0; i-- {
		t.cleanups[i]()
	}
}
