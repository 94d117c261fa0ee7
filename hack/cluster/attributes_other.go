// Copyright The scim-operator Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package cluster

import "syscall"

// childAttributes puts a child in a process group of its own. Outside Linux nothing ends it when its parent is killed.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// stands is not known outside Linux.
func stands(int) (bool, error) { return true, nil }
