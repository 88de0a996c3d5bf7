//go:build !linux

package s3server

import "syscall"

// dieWithParent has no counterpart here: the server ends with the test's cleanup.
func dieWithParent() *syscall.SysProcAttr { return nil }
