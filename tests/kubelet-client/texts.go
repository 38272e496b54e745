package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/grpc/status"
	"k8s.io/client-go/util/exec"
	utilexec "k8s.io/utils/exec"
)

// code is the gRPC code of an answer, which is all of an error that the kubelet decides by.
func code(err error) string {
	return status.Code(err).String()
}

// exit is how a streamed command ended, in the client's own terms.
func exit(err error) string {
	var streamed exec.CodeExitError
	var synced utilexec.CodeExitError
	switch {
	case err == nil:
		return "exit 0"
	case errors.As(err, &streamed):
		return fmt.Sprintf("exit %d", streamed.Code)
	case errors.As(err, &synced):
		return fmt.Sprintf("exit %d", synced.Code)
	default:
		return "error"
	}
}

var objectID = regexp.MustCompile(`^[0-9a-f]{64}$`)

func isObjectID(id string) bool {
	return objectID.MatchString(id)
}

func sortedWith(words []string, separator string) string {
	return strings.Join(slices.Sorted(slices.Values(words)), separator)
}

func sorted(words []string) string {
	return strings.Join(slices.Sorted(slices.Values(words)), " ")
}

func sortedKeys[V any](m map[string]V) string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	return sorted(names)
}

func isAll[V any](list []V, holds func(V) bool) bool {
	return !slices.ContainsFunc(list, func(v V) bool { return !holds(v) })
}
