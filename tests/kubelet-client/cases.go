package main

import "slices"

// callCases is every case that is answered in the call itself, in the order of a pod's life.
func callCases() []testCase {
	return slices.Concat(
		runtimeCases(),
		imageCases(),
		sandboxCases(),
		containerCases(),
		exitCases(),
		processCases(),
		logCases(),
		resourceCases(),
		execSyncCases(),
		eventCases(),
		cadvisorCases(),
	)
}

// streamCases go through the streaming server.
func streamCases() []testCase {
	return slices.Concat(execCases(), attachCases(), portForwardCases())
}
