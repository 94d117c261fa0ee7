// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import "syscall"

// childAttributes puts a child in a process group of its own, out of reach of a Ctrl-C in the terminal, and has the
// kernel kill it when its parent dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
