package main

import (
	"fmt"
	"strings"
)

// A difference is a deviation from containerd that is meant, or that containerd's age explains.
type difference struct {
	// name of the case, and key of the note in it.
	name, key string
	// What either engine does. A trailing … matches any rest.
	containerd, crib string
	// why is the reason a reader is owed.
	why string
}

// A verdict is the comparison of a case's outcomes.
type verdict struct {
	problems   []string
	documented []difference
}

const absent = "(not seen)"

// compare holds the subject's outcome against the reference's. Without a reference only what the case itself demands counts.
func compare(name string, subject outcome, reference *outcome, table []difference) verdict {
	v := verdict{problems: subject.wrong}
	if reference == nil {
		return v
	}
	left, right := index(subject.notes), index(reference.notes)
	stopped := right[abandonedKey] != "" || left[abandonedKey] != ""
	used := map[string]bool{}
	for _, key := range keys(subject.notes, reference.notes) {
		ours, theirs := valueOr(left, key), valueOr(right, key)
		known := find(table, name, key)
		switch {
		case known != nil && matches(known.crib, ours) && matches(known.containerd, theirs):
			used[key] = true
			v.documented = append(v.documented, *known)
		case ours == theirs:
		case stopped && key != abandonedKey && (ours == absent || theirs == absent):
			// Nothing can be said about what comes after the end.
		default:
			v.problems = append(v.problems, fmt.Sprintf("%s: crib %s, containerd %s", key, quote(ours), quote(theirs)))
		}
	}
	for _, d := range table {
		if d.name == name && !used[d.key] {
			v.problems = append(v.problems, fmt.Sprintf("documented difference is not what was seen: %s: crib %s, containerd %s",
				d.key, quote(d.crib), quote(d.containerd)))
		}
	}
	return v
}

func find(table []difference, name, key string) *difference {
	for i := range table {
		if table[i].name == name && table[i].key == key {
			return &table[i]
		}
	}
	return nil
}

func matches(pattern, value string) bool {
	if prefix, open := strings.CutSuffix(pattern, "…"); open {
		return strings.HasPrefix(value, prefix)
	}
	return pattern == value
}

func index(notes []note) map[string]string {
	byKey := map[string]string{}
	for _, n := range notes {
		byKey[n.key] = n.value
	}
	return byKey
}

func valueOr(notes map[string]string, key string) string {
	if value, there := notes[key]; there {
		return value
	}
	return absent
}

// keys lists every key once, in the order in which it was first seen.
func keys(lists ...[]note) []string {
	var ordered []string
	known := map[string]bool{}
	for _, list := range lists {
		for _, n := range list {
			if !known[n.key] {
				known[n.key] = true
				ordered = append(ordered, n.key)
			}
		}
	}
	return ordered
}

const quotedBytes = 300

func quote(text string) string {
	if len(text) > quotedBytes {
		return fmt.Sprintf("%q… (%d bytes)", text[:quotedBytes], len(text))
	}
	return fmt.Sprintf("%q", text)
}
