package main

import (
	"fmt"
	"slices"
)

// Why a difference is meant. Several have the same reason.
const (
	ownCode  = "containerd wraps most of its errors as Unknown; crib says what kind of error it is. The kubelet decides by NotFound and DeadlineExceeded alone."
	younger  = "An RPC younger than containerd 1.6."
	noField  = "A field younger than containerd 1.6."
	retried  = "A kubelet that was restarted between call and answer asks again; crib then answers with what the first call made, as long as the configuration is the same."
	vanished = "crib ends a command nobody listens to any more; containerd leaves it running."
	noPause  = "A pod of crib has no pause process: its group is empty, and cAdvisor leaves a usage of zero out."
	notThere = "crib takes what is gone for stopped already, as the CRI asks of StopPodSandbox and StopContainer."
)

func of(name string, rows ...difference) []difference {
	for i := range rows {
		rows[i].name = name
	}
	return rows
}

// both is for a case that is there once for each transport.
func both(name string, rows ...difference) []difference {
	var all []difference
	for _, via := range bothTransports {
		all = append(all, of(fmt.Sprintf("%s over %s", name, via), slices.Clone(rows)...)...)
	}
	return all
}

// sees is a key, what crib and what containerd does, and why that is so.
func sees(key, crib, containerd, why string) difference {
	return difference{key: key, crib: crib, containerd: containerd, why: why}
}

// differences are the documented ones. A case fails when one shows that is not here, and when one that is here does not show.
var differences = slices.Concat(
	of("runtime: handlers of the status", sees("default handler", "true", "false", noField)),
	of("cadvisor: a container and its pod's network",
		sees("the pod itself has used CPU", "false", "true", noPause)),
	of("runtime: cgroup driver",
		sees("code", "OK", "Unimplemented", younger),
		sees("driver", "CGROUPFS", absent, younger)),
	of("image: status without a reference", sees("code", "InvalidArgument", "Unknown", ownCode)),
	of("image: remove without a reference", sees("code", "InvalidArgument", "Unknown", ownCode)),
	of("image: pull of a reference that is none", sees("code", "InvalidArgument", "Unknown", ownCode)),
	of("image: pull from a registry nobody answers for", sees("code", "Unavailable", "Unknown", ownCode)),
	of("image: list and its filter",
		sees("filtered", "true", "false", "containerd 1.6 does not look at the filter."),
		sees("none", "0", "…", "containerd 1.6 does not look at the filter.")),
	of("image: filesystem",
		sees("used bytes", "true", "…", "containerd counts from time to time, and not before its first count."),
		sees("used inodes", "true", "…", "containerd counts from time to time, and not before its first count.")),
	of("pod: remove, and remove again", sees("stop", "OK", "NotFound", notThere)),
	of("pod: nobody's id", sees("stop", "OK", "NotFound", notThere)),
	of("pod: the same name and attempt twice",
		sees("code", "OK", "Unknown", retried),
		sees("code of another configuration", "AlreadyExists", "Unknown", ownCode)),
	of("pod: the same request again, as a kubelet's retry is written", sees("same answer", "12", "0", retried)),
	of("container: the same request again, as a kubelet's retry is written", sees("same answer", "12", "0", retried)),
	of("pod: a handler that is not configured", sees("code", "InvalidArgument", "Unknown", ownCode)),
	of("pod: a configuration without metadata",
		sees("code", "InvalidArgument", "OK", "Pods without a name are told apart by nothing; crib wants what the CRI calls required.")),
	of("pod: status with its containers, as the evented PLEG reads it",
		sees("timestamp", "true", "false", noField),
		sees("containers", "1", "0", noField),
		sees("it", "true", absent, noField)),
	of("container: created, running, exited",
		sees("image id", "sha256:…", "", noField)),
	of("container: start what runs or has run",
		sees("running", "FailedPrecondition", "Unknown", ownCode),
		sees("exited", "FailedPrecondition", "Unknown", ownCode)),
	of("container: stop in every state", sees("nobody's", "OK", "NotFound", notThere)),
	of("container: the same name and attempt twice",
		sees("code", "OK", "Unknown", retried),
		sees("code of another configuration", "AlreadyExists", "Unknown", ownCode)),
	of("container: create where it cannot be",
		sees("without a name", "InvalidArgument", "OK", "crib wants what the CRI calls required."),
		sees("in a stopped pod", "FailedPrecondition", "NotFound", "The pod is known, it only does not run.")),
	of("container: start in a stopped pod", sees("code", "FailedPrecondition", "Unknown", ownCode)),
	of("exit: a command that is not there", sees("code", "FailedPrecondition", "Unknown", ownCode)),
	of("exit: a command that cannot be executed", sees("code", "FailedPrecondition", "Unknown", ownCode)),
	of("process: an image without a command", sees("code", "InvalidArgument", "Unknown", ownCode)),
	of("process: the image's user",
		sees("output", "1000\n1000\nGroups:\t10 44 1000 …", "1000\n1000\nGroups:\t10 1000 …", "containerd 1.6 loses one of the groups that the image's user has in the image's /etc/group.")),
	of("log: reopened when it has exited", sees("code", "FailedPrecondition", "Unknown", ownCode)),
	of("log: of a terminal",
		sees("text", "out\r\nerr\r\nterminal\r\n", "out\nerr\nterminal\n", "crib logs the bytes that were written; containerd drops a carriage return at the end of a line.")),
	of("resources: a change of one that has exited",
		sees("code", "FailedPrecondition", "OK", "There is nothing left to limit.")),
	of("resources: a pod's own", sees("code", "OK", "Unimplemented", younger)),
	of("stats: list and filters",
		sees("by pod, only what runs", "2", "3", "containerd 1.6 also lists a container that has exited, with empty statistics.")),
	of("stats: of one that has exited",
		sees("code", "OK", "Unknown", "What it left on disk can still be told.")),
	of("stats: metrics and their descriptors",
		sees("descriptors", "OK", "Unimplemented", younger),
		sees("the pod is there", "1", absent, younger),
		sees("metrics without a fitting descriptor", "0", absent, younger)),
	of("exec sync: out of time with a child that holds the output",
		sees("in time", "true", "false", "containerd 1.6 waits for whoever holds the output, for as long as they do.")),
	of("exec sync: a command that is not there", sees("code", "FailedPrecondition", "Unknown", ownCode)),
	of("exec sync: nothing to run", sees("code", "InvalidArgument", "Unknown", ownCode)),
	of("exec sync: in one that does not run",
		sees("created", "FailedPrecondition", "Unknown", ownCode),
		sees("exited", "FailedPrecondition", "Unknown", ownCode)),
	of("events: a container's life",
		sees("stream", "OK", "Unimplemented", younger),
		sees("events", "[CONTAINER_CREATED_EVENT CONTAINER_STARTED_EVENT CONTAINER_STOPPED_EVENT CONTAINER_DELETED_EVENT]", absent, younger)),
	of("events: what the kubelet reads in one",
		sees("stream", "OK", "Unimplemented", younger),
		sees("container", "true", absent, younger),
		sees("time", "true", absent, younger),
		sees("pod", "true", absent, younger),
		sees("containers of the pod", "1", absent, younger)),
	of("events: two clients, one of which leaves",
		sees("stream", "OK", "Unimplemented", younger),
		sees("the other goes on", "[CONTAINER_CREATED_EVENT CONTAINER_STARTED_EVENT]", absent, younger)),
	both("exec: a command that does not read its stdin",
		sees("end", "exit 6", "error", "containerd waits for the client's stdin after the command has ended.")),
	both("exec: a client that vanishes", sees("the process is gone", "true", "false", vanished)),
	both("exec: a client that vanishes from a terminal", sees("the process is gone", "true", "false", vanished)),
	of("exec: which protocols are spoken",
		sees("WebSocket v5.channel.k8s.io", "exit 0", "error", "containerd 1.6 is older than this version of the protocol."),
		sees("WebSocket v3.channel.k8s.io", "exit 0", "error", "containerd speaks over WebSocket only the first version and the fourth."),
		sees("WebSocket v2.channel.k8s.io", "exit 0", "error", "containerd speaks over WebSocket only the first version and the fourth.")),
	of("exec: the status behind an exit code",
		sees("exit 3: message", "command terminated with exit code 3", "command terminated with non-zero exit code: …", "Clients read the exit code from the causes; the message is for people."),
		sees("kill -9 $$: message", "command terminated with exit code 137", "command terminated with non-zero exit code: …", "Clients read the exit code from the causes; the message is for people.")),
	of("exec: an address is good once",
		sees("without an upgrade", "426", "404", "crib asks for the upgrade first, and tells nobody else whether an address is good.")),
	of("exec: an address without an upgrade",
		sees("answer", "426", "400", "426 is the status that names what is missing; the address stays good.")),
	of("exec: requests that make no sense",
		sees("no command", "InvalidArgument", "OK", "containerd finds out when the client connects.")),
	of("exec: in one that does not run",
		sees("created", "FailedPrecondition", "Unknown", ownCode),
		sees("exited", "FailedPrecondition", "Unknown", ownCode)),
	of("attach: to one that does not run",
		sees("created", "FailedPrecondition", "Unknown", ownCode),
		sees("exited", "FailedPrecondition", "Unknown", ownCode)),
	both("port-forward: an answer after the half-close",
		sees("arrived", "16777217 bytes, sha256 …", "", "containerd 1.6 hangs up when one side is done, and the answer is lost.")),
	both("port-forward: only IPv6",
		sees("greeting", "hello from ::1", "", "containerd 1.6 hangs up before the answer is through.")),
	of("port-forward: nobody's pod, and one that stopped", sees("stopped", "FailedPrecondition", "Unknown", ownCode)),
	of("port-forward: a tunnel through a WebSocket",
		sees("taken", "true", "false", "containerd 1.6 is older than tunnels."),
		sees("protocol", "portforward.k8s.io", "", "containerd 1.6 is older than tunnels.")),
)
