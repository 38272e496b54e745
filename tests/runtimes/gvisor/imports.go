// Package gvisor pins gVisor's runtime and its shim: programs alone, which nothing here imports, so its module keeps what the go command
// would call unused.
package gvisor
