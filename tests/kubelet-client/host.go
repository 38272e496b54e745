package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// hostFile makes a file of the test's own on the host.
func (t *T) hostFile(name, text string) string {
	path := filepath.Join(t.hostDirectory(), name)
	t.ok(os.WriteFile(path, []byte(text), 0o666), "write "+name)
	return path
}

func (t *T) hostDirectory() string {
	path := filepath.Join(t.directory, "volumes", uniqueName("volume"))
	t.ok(os.MkdirAll(path, 0o777), "volume")
	t.ok(os.Chmod(path, 0o777), "volume")
	return path
}

func readFile(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	return string(data)
}

func hostNamespace(kind string) string {
	link, err := os.Readlink("/proc/self/ns/" + kind)
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	return link
}

// uniqueMark is a number of seconds nobody else sleeps, to find a process by.
func uniqueMark() string {
	return fmt.Sprintf("%d%05d", 1_000_000+os.Getpid(), counter.Add(1))
}

// hostProcesses lists the processes that have the word as an argument of their own.
func hostProcesses(word string) []int {
	var found []int
	directories, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	for _, directory := range directories {
		line, err := os.ReadFile(directory + "/cmdline")
		if err != nil {
			continue
		}
		for argument := range bytes.SplitSeq(line, []byte{0}) {
			if string(argument) == word {
				if pid, err := strconv.Atoi(strings.TrimPrefix(directory, "/proc/")); err == nil {
					found = append(found, pid)
				}
				break
			}
		}
	}
	return found
}
