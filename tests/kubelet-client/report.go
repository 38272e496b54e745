package main

import (
	"context"
	"fmt"
	"regexp"
	"sync"
)

// referenceTries is how often containerd is asked where it is not as crib is and crib did what the case demands. It has races
// of its own, such as an exec over WebSocket that now and then misses the end of an empty stdin; a real difference is there
// each time. crib is asked once.
const referenceTries = 3

// runAll runs the selected cases, each on both engines at once, and prints how they compare. Returns the number that failed.
func runAll(ctx context.Context, pair enginePair, cases []testCase, selected *regexp.Regexp) int {
	width := 0
	var chosen []testCase
	for _, c := range cases {
		if selected.MatchString(c.name) {
			chosen = append(chosen, c)
			width = max(width, len([]rune(c.name)))
		}
	}
	fmt.Printf("      %-*s %9s %12s\n", width, "", "crib", "containerd")
	passed, failed := 0, 0
	var documented []difference
	for _, c := range chosen {
		if ctx.Err() != nil {
			failed++
			continue
		}
		subject, reference := observeBoth(ctx, pair, c)
		v := compare(c.name, subject, reference, differences)
		asked := 1
		for ; asked < referenceTries && reference != nil && len(v.problems) > 0 && len(subject.wrong) == 0; asked++ {
			*reference = observe(ctx, pair.reference, c, caseLimit)
			v = compare(c.name, subject, reference, differences)
		}
		documented = append(documented, v.documented...)
		mark := "ok  "
		if len(v.problems) > 0 {
			mark = "FAIL"
			failed++
		} else {
			passed++
		}
		theirs := ""
		if reference != nil {
			theirs = fmt.Sprintf("%9d ms", reference.took.Milliseconds())
		}
		if asked > 1 {
			theirs += fmt.Sprintf("  (containerd was asked %d times)", asked)
		}
		fmt.Printf("%s  %-*s %6d ms %s%s\n", mark, width, c.name, subject.took.Milliseconds(), theirs, known(v))
		for _, problem := range v.problems {
			fmt.Printf("        %s\n", problem)
		}
	}
	printDifferences(documented)
	fmt.Printf("\n%d passed, %d failed\n", passed, failed)
	return failed
}

func known(v verdict) string {
	if len(v.documented) == 0 {
		return ""
	}
	return fmt.Sprintf("  (%d documented)", len(v.documented))
}

func observeBoth(ctx context.Context, pair enginePair, c testCase) (outcome, *outcome) {
	if pair.reference == nil {
		return observe(ctx, pair.subject, c, caseLimit), nil
	}
	var subject, reference outcome
	var both sync.WaitGroup
	both.Go(func() { subject = observe(ctx, pair.subject, c, caseLimit) })
	both.Go(func() { reference = observe(ctx, pair.reference, c, caseLimit) })
	both.Wait()
	return subject, &reference
}

func printDifferences(documented []difference) {
	if len(documented) == 0 {
		return
	}
	fmt.Printf("\nDocumented differences:\n")
	for _, d := range documented {
		fmt.Printf("  %s, %s\n      crib        %s\n      containerd  %s\n      %s\n", d.name, d.key, quote(d.crib), quote(d.containerd), d.why)
	}
}
